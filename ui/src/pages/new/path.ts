import { isObject, type Json, type JsonObject } from "./json";

/** The way to a place in a plan: keys and places in lists. */
export type Path = readonly (string | number)[];

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** Writes a path as the API does: `load.stages[1].to`, `labels["a b"]`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    if (!PLAIN_KEY.test(key)) return `${text}[${JSON.stringify(key)}]`;
    return text === "" ? key : `${text}.${key}`;
  }, "");
}

/** Returns what is at a path; undefined where there is nothing, or nothing of that form. */
export function at(document: Json | undefined, path: Path): Json | undefined {
  let value = document;
  for (const key of path) {
    if (typeof key === "number") value = Array.isArray(value) ? value[key] : undefined;
    else value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}

/** Returns the document with a value at a path; undefined takes the key away. Pure.
 *
 * What stands in the way and has another form is replaced; a mapping that becomes empty goes too,
 * for its keys all have defaults. */
export function put(document: JsonObject, path: Path, value: Json | undefined): JsonObject {
  const changed = inside(document, path, value);
  return isObject(changed) ? changed : {};
}

function inside(old: Json | undefined, path: Path, value: Json | undefined): Json | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (typeof key === "number") {
    const list = Array.isArray(old) ? old.slice() : [];
    const item = inside(list[key], rest, value);
    // An item of a list keeps its place also when nothing is left in it.
    list[key] = item ?? {};
    return list;
  }
  const mapping = isObject(old) ? old : {};
  const item = inside(mapping[key], rest, value);
  if (item === undefined || (rest.length > 0 && isObject(item) && isEmpty(item))) {
    const { [key]: _, ...others } = mapping;
    return others;
  }
  return { ...mapping, [key]: item };
}

function isEmpty(mapping: JsonObject): boolean {
  return Object.keys(mapping).length === 0;
}
