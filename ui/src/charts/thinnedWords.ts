import { clock } from "../numbers/instant";
import type { Columns } from "./columns";

/** Says how wide the windows of a run are; null where each is a second; pure. */
export function thinnedWords({ offset_s, width_s }: Columns): string | null {
  const until = new Map<number, number>();
  for (const [at, width] of width_s.entries()) {
    if (width > 1) until.set(width, (offset_s[at] ?? 0) + width);
  }
  if (until.size === 0) return null;
  const named = [...until].map(([width, end]) => `${width} s until ${clock(end)}`);
  const last = named.pop();
  const list = named.length === 0 ? last : `${named.join(", ")} and ${last}`;
  return (
    `Windows are wider than a second where that is long past: ${list}. There rates are means; ` +
    "failed, dropped, in flight and lag are those of the worst second."
  );
}
