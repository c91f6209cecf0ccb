import type { Window } from "../api/schema";

/** Returns how many seconds a window holds: one, more where it is long past.
 *
 * Reports that were archived before windows were thinned do not say it. */
export function widthOf(row: Window): number {
  return row.width_s ?? 1;
}

/** Returns the second after the last of a window. */
export function endOf(row: Window): number {
  return row.offset_s + widthOf(row);
}

/** Returns rows in order, with new ones in the place of all that begin within them; pure. */
export function placed(known: readonly Window[], rows: readonly Window[]): readonly Window[] {
  if (rows.length === 0) return known;
  const windows = known.slice();
  for (const row of rows) {
    const from = placeOf(windows, row.offset_s);
    windows.splice(from, placeOf(windows, endOf(row)) - from, row);
  }
  return windows;
}

/** Returns a window as a second is drawn; pure.
 *
 * Of one that is wider the rates are means, but what is bad is told as it was in the worst second:
 * nothing that was seen is smoothed away when it is long past. Percentiles and the maximum of the
 * response time are those of the whole window. */
export function asSecond(row: Window): Window {
  const { peak } = row;
  const width = widthOf(row);
  if (width === 1 || !peak) return row;
  return {
    ...row,
    planned: row.planned / width,
    sent: row.sent / width,
    succeeded: row.succeeded / width,
    missed: row.missed / width,
    failed: peak.failed,
    failed_kinds: peak.failed_kinds,
    dropped: peak.dropped,
    lag_p99_ns: peak.lag_p99_ns,
  };
}

/** Returns the place of the first row that begins at this second or later. */
function placeOf(windows: readonly Window[], second: number): number {
  let [low, high] = [0, windows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((windows[middle]?.offset_s ?? 0) < second) low = middle + 1;
    else high = middle;
  }
  return low;
}
