import type { Column } from "./columns";

/** Returns columns such that each is the sum of itself and all before it; pure.
 *
 * A second in which no column has a figure stays a gap in all of them. */
export function stacked(columns: readonly Column[]): Column[] {
  const length = columns[0]?.length ?? 0;
  const sums: Column = Array.from({ length }, (_, at) =>
    columns.every((column) => column[at] === null) ? null : 0,
  );
  return columns.map((column) => {
    for (let at = 0; at < length; at += 1) {
      const below = sums[at];
      if (below !== null && below !== undefined) sums[at] = below + (column[at] ?? 0);
    }
    return sums.slice();
  });
}

/** Returns the places in `[from, to]` that have a figure and no neighbour to be joined with. */
export function lonely(column: ArrayLike<number | null | undefined>, from: number, to: number) {
  const found: number[] = [];
  for (let at = from; at <= to; at += 1) {
    const alone = column[at - 1] == null && column[at + 1] == null;
    if (column[at] != null && alone) found.push(at);
  }
  return found;
}
