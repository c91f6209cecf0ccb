/** Where a page's monotonic clock stands, and its wall clock, in ms. */
export type Clocks = { nowMs: () => number; wallMs: () => number };

/** The clocks of the browser. */
export const CLOCKS: Clocks = { nowMs: () => performance.now(), wallMs: () => Date.now() };

/** An HTTP date is cut to the second, and its way here takes time as well. */
const DATE_IS_OFF_BY_MS = 1_500;

/** Returns by how much the orchestrator's wall clock is ahead of the page's monotonic one.
 *
 * The header `Date` tells it to a second. Where the viewer's own clock agrees with it as far as
 * that can be told, the viewer's is the finer one. */
export function wallAhead(date: string | null, nowMs: number, wallMs: number): number {
  const theirsMs = date === null ? Number.NaN : Date.parse(date) + 500;
  const agree = Number.isNaN(theirsMs) || Math.abs(theirsMs - wallMs) <= DATE_IS_OFF_BY_MS;
  return (agree ? wallMs : theirsMs) - nowMs;
}
