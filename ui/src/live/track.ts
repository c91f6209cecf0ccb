import type { LiveDriver } from "../api/schema";

/** What one driver had done when it was heard: `atMs` is the page's monotonic clock. */
export type Sample = { atMs: number; sent: number; cpu: number | null; inFlight: number };

/** A driver's samples, oldest first: one for each time that its figures changed. */
export type Track = readonly Sample[];

/** Over how long a driver's rate is taken; drivers report twice a second. */
const RATE_OVER_MS = 3_000;
/** Longer than this without news, and than twice the pause before, is no pause between reports. */
const SILENT_AFTER_MS = 1_500;
const MOST_SAMPLES = 1_200;

/** Returns the track with what was heard of the driver now, if that is new. */
export function extend(track: Track, driver: LiveDriver, atMs: number): Track {
  const last = track.at(-1);
  const { sent, cpu, in_flight: inFlight } = driver;
  if (last && last.sent === sent && last.cpu === cpu && last.inFlight === inFlight) return track;
  return [...track.slice(-(MOST_SAMPLES - 1)), { atMs, sent, cpu, inFlight }];
}

/** Returns the rate of the last seconds; null until there are two reports to compare.
 *
 * The stream tells totals, so a rate is what was added between two reports. A driver that has gone
 * silent sends nothing as far as anybody knows: its rate sinks to zero. In a large fleet the rows
 * come in turns, some seconds apart. */
export function rateOf(track: Track, nowMs: number): number | null {
  const last = track.at(-1);
  const before = track.at(-2);
  if (last === undefined || before === undefined) return null;
  const silentAfterMs = Math.max(SILENT_AFTER_MS, 2 * (last.atMs - before.atMs));
  const untilMs = nowMs - last.atMs > silentAfterMs ? nowMs : last.atMs;
  const first = track.find((sample) => sample.atMs >= untilMs - RATE_OVER_MS);
  if (first === undefined) return 0;
  // The oldest sample within reach may be the last one: then only the one before it has a past.
  const from = first === last ? before : first;
  if (untilMs <= from.atMs) return null;
  return ((last.sent - from.sent) / (untilMs - from.atMs)) * 1000;
}
