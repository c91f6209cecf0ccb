import type { Window } from "../api/schema";
import type { Column } from "./columns";

/** How much of what failed is of one kind, each second; `kind` null: of what kind is not known. */
export type KindColumn = { kind: string | null; values: Column };

/** Returns what failed by kind, in the order in which the kinds first occurred; pure.
 *
 * So a kind keeps its place while others come up. The columns add up to all that failed: windows
 * that were archived before they told kinds leave a rest, which is one column, the first. Where
 * nothing failed that column is there as well, and zero. */
export function kindColumns(windows: readonly (Window | undefined)[]): KindColumn[] {
  const kinds = new Set(windows.flatMap((row) => Object.keys(row?.failed_kinds ?? {})));
  const rest = windows.map((row) => (row ? row.failed - told(row) : null));
  const columns: KindColumn[] = [...kinds].map((kind) => ({
    kind,
    values: windows.map((row) => (row ? (row.failed_kinds?.[kind] ?? 0) : null)),
  }));
  const complete = kinds.size > 0 && rest.every((n) => !n);
  return complete ? columns : [{ kind: null, values: rest }, ...columns];
}

function told(row: Window): number {
  return Object.values(row.failed_kinds ?? {}).reduce((sum, n) => sum + n, 0);
}
