import type { Mark } from "./line";

/** Returns the mark that the cursor is on; null where it is on none.
 *
 * The cursor goes by whole seconds, so a mark is met within its second, or within `reachS` where
 * a second is too little to be pointed at. */
export function markAt(
  marks: readonly Mark[],
  cursorS: number | null,
  reachS: number,
): Mark | null {
  if (cursorS === null) return null;
  const away = ({ offset_s }: Mark) => Math.abs(offset_s - cursorS);
  const near = marks.filter((mark) => away(mark) < Math.max(1, reachS));
  return near.sort((a, b) => away(a) - away(b))[0] ?? null;
}
