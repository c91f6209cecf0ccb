import { isObject, type Json, type JsonObject } from "./json";

/** A key and its value as they are typed; a mapping can hold neither an empty key nor one twice. */
export type Pair = { key: string; value: string };

/** Returns the rows that show a mapping. */
export function pairsOf(mapping: Json | undefined): Pair[] {
  if (!isObject(mapping)) return [];
  return Object.entries(mapping).map(([key, value]) => ({
    key,
    value: typeof value === "string" ? value : JSON.stringify(value),
  }));
}

/** Returns the mapping that rows say; undefined if they say nothing. */
export function mappingOf(pairs: readonly Pair[]): JsonObject | undefined {
  const named = pairs.filter(({ key }) => key.trim() !== "");
  if (named.length === 0) return undefined;
  return Object.fromEntries(named.map(({ key, value }) => [key.trim(), value]));
}

/** Says what is wrong with a row that no mapping could tell; null if nothing is. */
export function pairProblem(pairs: readonly Pair[], place: number): string | null {
  const { key = "", value = "" } = pairs[place] ?? {};
  if (key.trim() === "") return value === "" ? null : "give it a name, or it is left out";
  const first = pairs.findIndex((each) => each.key.trim() === key.trim());
  const last = pairs.findLastIndex((each) => each.key.trim() === key.trim());
  return first === last ? null : "is there twice; only the last one counts";
}
