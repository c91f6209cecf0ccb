import type { ApiError } from "../api/problem";
import type { RunState } from "../api/words";
import type { LiveRun } from "./run";

/** How the connection to the stream is. `heardAtMs` is when anything came over it at all;
 * `wallAheadMs` is by how much the orchestrator's wall clock is ahead of the page's monotonic one. */
export type Link = {
  status: "opening" | "open" | "broken" | "done" | "refused";
  heardAtMs: number | null;
  wallAheadMs: number;
  error: ApiError | null;
};

/** How far what is shown can be believed to be what is.
 *
 * - `opening`: nothing has come yet
 * - `live`: figures are as new as they get; `ageS` is how old that is
 * - `quiet`: the connection is well, and nothing is to be told before the run moves on
 * - `stale`: figures are older than they should be, for the reason `why`
 * - `done`: the run has ended; what is shown is final
 * - `refused`: there is nothing to show, and trying again is of no use */
export type Freshness =
  | { kind: "opening" | "quiet" | "done" | "refused" }
  | { kind: "live"; ageS: number }
  | { kind: "stale"; ageS: number | null; why: "cut off" | "no figures" };

/** Without any sign of life for this long the connection counts as broken. */
export const STALE_AFTER_MS = 2_000;

const MOVING: readonly RunState[] = ["RUNNING", "DRAINING"];

/** Returns how fresh a run is at the instant `nowMs`; pure. */
export function freshness(run: LiveRun, link: Link, nowMs: number): Freshness {
  if (link.status === "refused") return { kind: "refused" };
  if (run.ended) return { kind: "done" };
  const figuresAgeMs = run.figuresAtMs === null ? null : nowMs - run.figuresAtMs;
  const silentMs = link.heardAtMs === null ? null : nowMs - link.heardAtMs;
  if (run.view === null) {
    return link.status === "broken" ? stale(null, "cut off") : { kind: "opening" };
  }
  if (silentMs === null || silentMs >= STALE_AFTER_MS) return stale(figuresAgeMs, "cut off");
  if (!MOVING.includes(run.view.run.state) || !begun(run)) return { kind: "quiet" };
  if (figuresAgeMs === null || figuresAgeMs >= STALE_AFTER_MS) {
    return stale(figuresAgeMs, "no figures");
  }
  return { kind: "live", ageS: figuresAgeMs / 1000 };
}

/** A run is RUNNING from the instant that its start is set; figures begin with the first second. */
function begun(run: LiveRun): boolean {
  return run.windows.length > 0;
}

function stale(ageMs: number | null, why: "cut off" | "no figures"): Freshness {
  return { kind: "stale", ageS: ageMs === null ? null : ageMs / 1000, why };
}
