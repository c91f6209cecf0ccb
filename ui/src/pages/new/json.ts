/** What JSON can say; a plan is written in it before anybody knows whether it is one. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A mapping of texts to anything. */
export type JsonObject = { [key: string]: Json };

/** Whether a value is a mapping. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether two values say the same; the order of keys says nothing. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, at) => same(item, b[at]));
  }
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
    );
  }
  return a === b;
}
