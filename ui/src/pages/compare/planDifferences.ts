import type { Plan } from "../../api/schema";
import { withoutDefaults } from "../new/defaults";
import { isObject, type Json, type JsonObject, same } from "../new/json";
import { at, type Path, pathText } from "../new/path";

/** A place in which two plans differ; null where one of them has nothing there. */
export type PlanDifference = { path: string; a: string | null; b: string | null };

/** Returns where two plans differ, in the order of the first; pure.
 *
 * What only one of them has, such as a whole request, is one difference, and is told without what
 * holds by itself. */
export function planDifferences(a: Plan, b: Plan): PlanDifference[] {
  // What came as JSON is JSON: the type of a plan only says more of it.
  const [of, and] = [a as unknown as JsonObject, b as unknown as JsonObject];
  const [briefly, andBriefly] = [withoutDefaults(of), withoutDefaults(and)];
  return placesOf([], of, and).map((path) => ({
    path: pathText(path),
    a: words(at(briefly, path) ?? at(of, path)),
    b: words(at(andBriefly, path) ?? at(and, path)),
  }));
}

/** Returns the deepest places in which two values differ. */
function placesOf(path: Path, a: Json | undefined, b: Json | undefined): Path[] {
  if (same(a, b)) return [];
  if (isObject(a) && isObject(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return keys.flatMap((key) => placesOf([...path, key], a[key], b[key]));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    const places = Array.from({ length: Math.max(a.length, b.length) }, (_, place) => place);
    return places.flatMap((place) => placesOf([...path, place], a[place], b[place]));
  }
  return [path];
}

function words(value: Json | undefined): string | null {
  if (value === undefined || value === null || value === "") return null;
  if (!Array.isArray(value) && !isObject(value)) return String(value);
  if (Array.isArray(value)) return value.map((item) => words(item) ?? "").join(", ");
  return Object.entries(value)
    .map(([key, item]) => `${key}: ${words(item) ?? ""}`)
    .join(", ");
}
