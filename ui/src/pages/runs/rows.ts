import type { RunList, RunRow } from "../../api/schema";
import { isUnderWay } from "../run/stateWords";

/** Returns all rows known once the newest page has come; pure.
 *
 * The newest page is the truth of all runs as new as its last one, also of those that no longer fit
 * the filters. Older ones stay as they were: they have ended, and never change. */
export function merged(known: readonly RunRow[], newest: RunList): RunRow[] {
  const last = newest.runs.at(-1);
  const isAll = newest.next_cursor === null;
  const listed = new Set(newest.runs.map(({ id }) => id));
  const older = known.filter(
    (row) => !isAll && !listed.has(row.id) && last !== undefined && isOlder(row, last),
  );
  return [...newest.runs, ...older];
}

/** Returns the rows with an older page behind them; pure. */
export function continued(known: readonly RunRow[], older: readonly RunRow[]): RunRow[] {
  const listed = new Set(known.map(({ id }) => id));
  return [...known, ...older.filter(({ id }) => !listed.has(id))];
}

/** Returns the rows with those under way before the others; else in their order. Pure. */
export function liveFirst(rows: readonly RunRow[]): RunRow[] {
  return [
    ...rows.filter(({ state }) => isUnderWay(state)),
    ...rows.filter(({ state }) => !isUnderWay(state)),
  ];
}

/** Returns what is chosen after a click on a run: at most two, the newest choice last. Pure. */
export function chosenAfter(chosen: readonly string[], id: string): string[] {
  return chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id].slice(-2);
}

function isOlder(row: RunRow, than: RunRow): boolean {
  return Date.parse(row.created_at) <= Date.parse(than.created_at);
}
