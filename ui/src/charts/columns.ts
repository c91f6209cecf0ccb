import type { Window } from "../api/schema";
import { type KindColumn, kindColumns } from "./kinds";

/** A figure for each second; null where there is none, so that a gap stays a gap. */
export type Column = (number | null)[];

/** The windows of a run as charts want them: one array a figure, one place a second. */
export type Columns = {
  offset_s: number[];
  planned: Column;
  sent: Column;
  succeeded: Column;
  failed: Column;
  /** The same, divided. */
  failed_kinds: readonly KindColumn[];
  dropped: Column;
  missed: Column;
  in_flight: Column;
  p50_ns: Column;
  p90_ns: Column;
  p99_ns: Column;
  max_ns: Column;
  lag_p99_ns: Column;
  drivers: Column;
};

const KEYS = [
  ...(["planned", "sent", "succeeded", "failed", "dropped", "missed", "in_flight"] as const),
  ...(["p50_ns", "p90_ns", "p99_ns", "max_ns", "lag_p99_ns", "drivers"] as const),
];

/** Returns the columns of the seconds before `endS`; pure.
 *
 * While a run is under way its newest second is still being reported, and would be drawn as a
 * collapse that never was: `endS` leaves it out. For the same reason seconds at the end in which
 * nothing was due any more, only the last responses came, have no rate. */
export function columnsOf(windows: readonly (Window | undefined)[], endS: number): Columns {
  const seconds = Math.max(0, Math.min(endS, windows.length));
  const columns = { offset_s: Array.from({ length: seconds }, (_, s) => s) } as Columns;
  for (const key of KEYS) {
    columns[key] = Array.from({ length: seconds }, (_, s) => windows[s]?.[key] ?? null);
  }
  columns.failed_kinds = kindColumns(windows.slice(0, seconds));
  for (let s = seconds - 1; s >= 0 && isOver(windows[s]); s -= 1) {
    columns.planned[s] = null;
    columns.sent[s] = null;
  }
  return columns;
}

function isOver(row: Window | undefined): boolean {
  return row !== undefined && row.planned === 0 && row.sent === 0;
}
