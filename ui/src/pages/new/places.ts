import type { ProblemDetail } from "../../api/schema";
import { isObject, type Json, type JsonObject } from "./json";
import { at, pathText } from "./path";

/** What is wrong, by the place in the form that shows it; `others` have no place there. */
export type Placed = {
  at: ReadonlyMap<string, readonly string[]>;
  others: readonly ProblemDetail[];
};

/** Nothing is wrong. */
export const NOTHING_WRONG: Placed = { at: new Map(), others: [] };

const SINGLE = [
  ...["name", "description", "labels", "target", "seed", "thresholds", "requests"],
  ...["tls", "tls.verify", "tls.ca", "tls.server_name"],
  ...["load", "load.test_type"],
  ...["limits", "limits.connections", "limits.in_flight", "limits.timeout"],
  "limits.connect_timeout",
  ...["drivers", "drivers.min", "drivers.wait", "drivers.on_loss"],
  ...["options", "options.index_header", "options.traceparent"],
];
const OF_COUNTED = ["load.message_count_per_driver"];
const OF_LOAD: Record<string, readonly string[]> = {
  avalanche: OF_COUNTED,
  tsunami: [...OF_COUNTED, "load.message_delay_ms"],
  arrivals: ["load.stages", "load.spacing"],
};
const OF_STAGE = ["name", "duration", "from", "to", "measured"];
const OF_REQUEST = [
  ...["name", "method", "path", "headers", "body", "weight"],
  ...["expect", "expect.status", "expect.body_contains"],
];

/** Returns the paths of all fields that the form has for a document; pure. */
export function fieldPaths(document: JsonObject): Set<string> {
  const type = at(document, ["load", "test_type"]);
  const ofLoad = (typeof type === "string" ? OF_LOAD[type] : undefined) ?? [];
  const stages = type === "arrivals" ? at(document, ["load", "stages"]) : undefined;
  return new Set([
    ...SINGLE,
    ...ofLoad,
    ...ofItems("load.stages", stages, OF_STAGE),
    ...ofItems("requests", document.requests, OF_REQUEST),
    ...ofItems("thresholds", document.thresholds, []),
  ]);
}

function ofItems(path: string, list: Json | undefined, keys: readonly string[]): string[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((item, place) => {
    const one = `${path}[${place}]`;
    return isObject(item) ? [one, ...keys.map((key) => `${one}.${key}`)] : [one];
  });
}

/** Puts each error to the field it is about, or to the nearest that it lies in; pure.
 *
 * What is said of something inside a field, such as one header, begins with what it is inside. */
export function placed(errors: readonly ProblemDetail[], fields: ReadonlySet<string>): Placed {
  const found = new Map<string, string[]>();
  const others: ProblemDetail[] = [];
  for (const error of errors) {
    const place = nearest(error.path, fields);
    if (place === null) {
      others.push(error);
      continue;
    }
    const inner = error.path.slice(place.length).replace(/^\./, "");
    const message = inner === "" ? error.message : `${inner} ${error.message}`;
    found.set(place, [...(found.get(place) ?? []), message]);
  }
  return { at: found, others };
}

function nearest(path: string, fields: ReadonlySet<string>): string | null {
  for (let end = path.length; end > 0; end -= 1) {
    const before = path.slice(0, end);
    const isWhole = end === path.length || path[end] === "." || path[end] === "[";
    if (isWhole && fields.has(before)) return before;
  }
  return null;
}

/** Counts what is wrong at fields of which `part` is the path, or the beginning of it. */
export function countIn({ at: found }: Placed, ...parts: (readonly (string | number)[])[]): number {
  const begins = parts.map(pathText);
  return [...found].reduce((sum, [path, messages]) => {
    const isIn = begins.some(
      (begin) => path === begin || path.startsWith(`${begin}.`) || path.startsWith(`${begin}[`),
    );
    return isIn ? sum + messages.length : sum;
  }, 0);
}
