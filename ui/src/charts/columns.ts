import type { Window } from "../api/schema";
import { asSecond, endOf, widthOf } from "../live/windows";
import { type KindColumn, kindColumns } from "./kinds";

/** A figure for each place; null where there is none, so that a gap stays a gap. */
export type Column = (number | null)[];

/** The windows of a run as charts want them: one array a figure, one place a window.
 *
 * A stretch of which nothing was said is one place without figures, of width 0. Where a window is wider than a
 * second its figures are those of `asSecond`. */
export type Columns = {
  offset_s: number[];
  width_s: number[];
  /** Where the last window ends. */
  endS: number;
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

/** Returns the columns of the windows that end by `endS`; pure.
 *
 * While a run is under way its newest second is still being reported, and would be drawn as a
 * collapse that never was: `endS` leaves it out. For the same reason seconds at the end in which
 * nothing was due any more, only the last responses came, have no rate. */
export function columnsOf(windows: readonly Window[], endS: number): Columns {
  const columns = { offset_s: [], width_s: [], endS: 0 } as unknown as Columns;
  const rows: (Window | undefined)[] = [];
  for (const row of windows) {
    if (endOf(row) > endS) break;
    if (row.offset_s > columns.endS) {
      columns.offset_s.push(columns.endS);
      columns.width_s.push(0);
      rows.push(undefined);
    }
    columns.offset_s.push(row.offset_s);
    columns.width_s.push(widthOf(row));
    rows.push(asSecond(row));
    columns.endS = endOf(row);
  }
  for (const key of KEYS) columns[key] = rows.map((row) => row?.[key] ?? null);
  columns.failed_kinds = kindColumns(rows);
  for (let at = rows.length - 1; at >= 0 && isOver(rows[at]); at -= 1) {
    columns.planned[at] = null;
    columns.sent[at] = null;
  }
  return columns;
}

function isOver(row: Window | undefined): boolean {
  return row !== undefined && row.planned === 0 && row.sent === 0;
}
