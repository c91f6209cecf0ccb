import type { RunState } from "../../api/words";

/** Which runs are shown: as the address has it, so that a list can be sent and gone back to. */
export type Filters = { state: StateFilter; label: string; name: string };

/** What can be chosen of states. */
export type StateFilter = "any" | "under-way" | "FINISHED" | "FAILED" | "ABORTED";

/** The states of runs that have not ended. */
export const UNDER_WAY: readonly RunState[] = [
  ...(["PENDING", "PREPARING", "READY", "RUNNING", "DRAINING"] as const),
];

/** What each choice is called. */
export const STATE_FILTERS: readonly (readonly [StateFilter, string])[] = [
  ["any", "any state"],
  ["under-way", "under way"],
  ["FINISHED", "FINISHED"],
  ["FAILED", "FAILED"],
  ["ABORTED", "ABORTED"],
];

/** How many runs are asked for at once. */
export const PAGE_SIZE = 50;

/** How many letters of a name the API looks for at most. */
const MOST_LETTERS = 128;

/** Returns the filters that a query says; what it says wrongly is passed over. */
export function filtersOf(search: URLSearchParams): Filters {
  const state = search.get("state");
  const known = STATE_FILTERS.find(([each]) => each === state);
  return {
    state: known?.[0] ?? "any",
    label: search.get("label") ?? "",
    name: search.get("name") ?? "",
  };
}

/** Returns the query that says the filters. */
export function searchOf({ state, label, name }: Filters): Record<string, string> {
  return {
    ...(state === "any" ? {} : { state }),
    ...(label === "" ? {} : { label }),
    ...(name === "" ? {} : { name }),
  };
}

/** Whether any filter leaves anything out. */
export function isNarrowed(filters: Filters): boolean {
  return Object.keys(searchOf(filters)).length > 0;
}

/** Returns what to ask the API. */
export function pathOf({ state, label, name }: Filters, cursor: string | null): string {
  const query = new URLSearchParams({ limit: String(PAGE_SIZE) });
  for (const each of statesOf(state)) query.append("state", each);
  for (const each of label.split(/[\s,]+/).filter((word) => word !== "")) {
    query.append("label", each);
  }
  const letters = name.trim().slice(0, MOST_LETTERS);
  if (letters !== "") query.set("name", letters);
  if (cursor !== null) query.set("cursor", cursor);
  return `/runs?${query}`;
}

function statesOf(filter: StateFilter): readonly string[] {
  if (filter === "any") return [];
  return filter === "under-way" ? UNDER_WAY : [filter];
}
