import { loadFrom, type TestType } from "./beginning";
import { isObject, type Json, type JsonObject } from "./json";
import { at, type Path, put } from "./path";

/** What is typed so far.
 *
 * `plan` is the document that would be sent, right or wrong: the form and the YAML both show it.
 * `loads` remembers the loads of the other test types, so that looking at one loses nothing. */
export type Draft = { plan: JsonObject; loads: Readonly<Partial<Record<string, JsonObject>>> };

/** Returns a draft of a plan. */
export function draftOf(plan: JsonObject): Draft {
  return { plan, loads: {} };
}

/** Returns the draft with a value at a path; undefined takes it away. Pure. */
export function withValue(draft: Draft, path: Path, value: Json | undefined): Draft {
  return { ...draft, plan: put(draft.plan, path, value) };
}

/** Returns the draft with a load of another type. Pure. */
export function withTestType(draft: Draft, type: TestType): Draft {
  const { load } = draft.plan;
  const before = at(load, ["test_type"]);
  if (before === type) return draft;
  const loads =
    isObject(load) && typeof before === "string" ? { ...draft.loads, [before]: load } : draft.loads;
  return {
    plan: { ...draft.plan, load: loadFrom(type, loads[type], load ?? null) },
    loads,
  };
}
