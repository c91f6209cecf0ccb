import type { Json } from "./json";

/** Returns a list with one more item at its end. */
export function added(list: readonly Json[], item: Json): Json[] {
  return [...list, item];
}

/** Returns a list without an item. */
export function removed(list: readonly Json[], place: number): Json[] {
  return list.filter((_, at) => at !== place);
}

/** Returns a list in which an item has moved by so many places, as far as there are places. */
export function moved(list: readonly Json[], place: number, by: number): Json[] {
  const to = Math.max(0, Math.min(list.length - 1, place + by));
  const item = list[place];
  if (item === undefined) return [...list];
  const others = removed(list, place);
  return [...others.slice(0, to), item, ...others.slice(to)];
}
