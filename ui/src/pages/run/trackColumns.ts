import type { Column } from "../../charts/columns";
import { rateOf, type Track } from "../../live/track";

/** A driver's series since the page was opened: seconds from the start, and what was then. */
export type TrackColumns = { seconds: number[]; rate: Column; cpu: Column; inFlight: Column };

/** Returns a track as charts want it; `startMs` is the run's start by the clock of the samples. */
export function trackColumns(track: Track, startMs: number): TrackColumns {
  return {
    seconds: track.map(({ atMs }) => Math.max(0, atMs - startMs) / 1000),
    rate: track.map(({ atMs }, at) => rateOf(track.slice(Math.max(0, at - 16), at + 1), atMs)),
    cpu: track.map(({ cpu }) => cpu),
    inFlight: track.map(({ inFlight }) => inFlight),
  };
}
