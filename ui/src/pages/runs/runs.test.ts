import { expect, test } from "vitest";
import type { RunList, RunRow } from "../../api/schema";
import { filtersOf, isNarrowed, pathOf, searchOf } from "./filters";
import { chosenAfter, continued, liveFirst, merged } from "./rows";

/** A run that was submitted in this minute. */
function row(minute: number, changed: Partial<RunRow> = {}): RunRow {
  const at = `2026-11-27T03:${String(minute).padStart(2, "0")}:00Z`;
  return {
    id: `run-${minute}`,
    name: "run",
    labels: {},
    state: "FINISHED",
    created_at: at,
    started_at: at,
    ended_at: at,
    passed: true,
    ...changed,
  };
}

function page(minutes: readonly number[], next_cursor: string | null): RunList {
  return { runs: minutes.map((minute) => row(minute)), next_cursor };
}

const ids = (rows: readonly RunRow[]) => rows.map(({ id }) => id);

test("a newer page takes the place of what was known of the same time, and keeps what is older", () => {
  const known = [row(5, { state: "RUNNING", ended_at: null }), row(4), row(3), row(2)];
  expect(ids(merged(known, page([6, 4, 3], "more")))).toEqual(["run-6", "run-4", "run-3", "run-2"]);
  const [newest] = merged([row(5, { state: "RUNNING" })], page([5], "more"));
  expect(newest).toEqual(row(5));
});

test("a page after which there is nothing is all there is", () => {
  expect(ids(merged([row(5), row(1)], page([6], null)))).toEqual(["run-6"]);
  expect(merged([row(5)], page([], null))).toEqual([]);
});

test("an older page goes on from what is known, and nothing is there twice", () => {
  expect(ids(continued([row(5), row(4)], [row(4), row(3)]))).toEqual(["run-5", "run-4", "run-3"]);
});

test("runs under way come first, the others keep their order", () => {
  const rows = [row(5), row(4, { state: "RUNNING" }), row(3), row(2, { state: "PENDING" })];
  expect(ids(liveFirst(rows))).toEqual(["run-4", "run-2", "run-5", "run-3"]);
});

test("two are chosen at most, and a click on a chosen one takes it back", () => {
  let chosen: readonly string[] = [];
  const seen = ["a", "b", "c", "b"].map((id) => {
    chosen = chosenAfter(chosen, id);
    return chosen;
  });
  expect(seen).toEqual([["a"], ["a", "b"], ["b", "c"], ["c"]]);
});

test("filters are what the address says, and an address says the filters", () => {
  const filters = { state: "under-way", label: "team=shop env", name: "check" } as const;
  expect(filtersOf(new URLSearchParams(searchOf(filters)))).toEqual(filters);
  expect(filtersOf(new URLSearchParams("state=nonsense"))).toEqual({
    state: "any",
    label: "",
    name: "",
  });
  expect([isNarrowed(filters), isNarrowed(filtersOf(new URLSearchParams()))]).toEqual([
    true,
    false,
  ]);
});

test("the API is asked for states, labels and names, page by page", () => {
  const filters = { state: "under-way", label: "team=shop, env", name: "check" } as const;
  expect(pathOf(filters, "c/1")).toBe(
    "/runs?limit=50&state=PENDING&state=PREPARING&state=READY&state=RUNNING&state=DRAINING" +
      "&label=team%3Dshop&label=env&name=check&cursor=c%2F1",
  );
  expect(pathOf({ state: "any", label: " ", name: " " }, null)).toBe("/runs?limit=50");
});
