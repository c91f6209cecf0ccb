import type { LiveRun } from "./schema";

/** Where a run is. */
export type RunState = LiveRun["state"];
