import { useEffect, useState } from "react";
import { type Freshness, freshness } from "../../live/freshness";
import type { Known } from "../../live/store";
import { useNow } from "../../live/useNow";

const LOOK_EVERY_MS = 200;

/** Returns how fresh what is shown is, looked at again and again until the run has ended. */
export function useFreshness(known: Known): Freshness {
  const lookedMs = useNow(isOver(known) ? null : LOOK_EVERY_MS);
  return seen(known, lookedMs);
}

/** Whether the numbers shown are older than they should be; nothing is drawn anew before they are. */
export function useStale(known: Known): boolean {
  const [stale, setStale] = useState(false);
  const over = isOver(known);
  useEffect(() => {
    const look = () => setStale(seen(known, performance.now()).kind === "stale");
    look();
    if (over) return;
    const timer = setInterval(look, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [known, over]);
  return stale;
}

function isOver({ run, link }: Known): boolean {
  return run.ended || link.status === "refused";
}

/** What came after the last look was not old then. */
function seen({ run, link }: Known, lookedMs: number): Freshness {
  return freshness(run, link, Math.max(lookedMs, run.figuresAtMs ?? 0, link.heardAtMs ?? 0));
}
