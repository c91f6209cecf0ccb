import { isObject, type Json, type JsonObject, same } from "./json";
import { at, type Path, put } from "./path";

/** What a plan says where it says nothing. The form shows these in its empty fields. */
export const DEFAULTS: readonly (readonly [Path, Json])[] = [
  [["description"], ""],
  [["labels"], {}],
  [["tls", "verify"], true],
  [["tls", "ca"], null],
  [["tls", "server_name"], null],
  [["seed"], 1],
  [["load", "spacing"], "uniform"],
  [["limits", "connections"], 64],
  [["limits", "in_flight"], 1000],
  [["limits", "connect_timeout"], "5s"],
  [["limits", "timeout"], "10s"],
  [["drivers", "min"], 1],
  [["drivers", "wait"], "30s"],
  [["drivers", "on_loss"], "takeover"],
  [["options", "index_header"], false],
  [["options", "traceparent"], 0],
  [["thresholds"], []],
];
const OF_REQUEST: readonly (readonly [Path, Json])[] = [
  [["method"], "GET"],
  [["headers"], {}],
  [["body"], ""],
  [["weight"], 1],
  [["expect", "body_contains"], null],
  [
    ["expect", "status"],
    ["2xx", "3xx"],
  ],
];

/** Returns a plan that says the same in fewer words; pure.
 *
 * Plans come back from the API with everything in them; people write what differs. */
export function withoutDefaults(plan: JsonObject): JsonObject {
  let brief = without(plan, DEFAULTS);
  if (Array.isArray(plan.requests)) brief = { ...brief, requests: plan.requests.map(briefRequest) };
  const stages = at(brief, ["load", "stages"]);
  if (Array.isArray(stages)) brief = put(brief, ["load", "stages"], briefStages(stages));
  return brief;
}

function without(whole: JsonObject, defaults: typeof DEFAULTS): JsonObject {
  let brief = whole;
  for (const [path, value] of defaults) {
    if (same(at(whole, path), value)) brief = put(brief, path, undefined);
  }
  return brief;
}

function briefRequest(request: Json): Json {
  if (!isObject(request)) return request;
  const { method = "GET", path, name } = request;
  const brief = without(request, OF_REQUEST);
  return name === `${method} ${path}` ? put(brief, ["name"], undefined) : brief;
}

function briefStages(stages: readonly Json[]): Json[] {
  return stages.map((stage, place) => {
    if (!isObject(stage)) return stage;
    let brief = stage;
    const before = stages[place - 1];
    const from = isObject(before) ? before.to : undefined;
    if (stage.measured === true) brief = put(brief, ["measured"], undefined);
    if (stage.name === `stage-${place + 1}`) brief = put(brief, ["name"], undefined);
    if (stage.to !== undefined && same(stage.to, stage.from)) brief = put(brief, ["to"], undefined);
    if (from !== undefined && same(stage.from, from)) brief = put(brief, ["from"], undefined);
    return brief;
  });
}
