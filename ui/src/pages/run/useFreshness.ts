import { type Freshness, freshness } from "../../live/freshness";
import type { Known } from "../../live/store";
import { useNow } from "../../live/useNow";

const LOOK_EVERY_MS = 200;

/** Returns how fresh what is shown is, looked at again and again until the run has ended. */
export function useFreshness({ run, link }: Known): Freshness {
  const over = run.ended || link.status === "refused";
  const lookedMs = useNow(over ? null : LOOK_EVERY_MS);
  // What came after the last look was not old then.
  return freshness(run, link, Math.max(lookedMs, run.figuresAtMs ?? 0, link.heardAtMs ?? 0));
}
