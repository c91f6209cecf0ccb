import { expect, test } from "vitest";
import type { Window } from "../api/schema";
import { sampleWindow } from "../live/sample";
import { kindColumns } from "./kinds";

const failed = (second: number, kinds: Record<string, number>): Window =>
  sampleWindow(second, {
    failed: Object.values(kinds).reduce((sum, n) => sum + n, 0),
    failed_kinds: kinds,
  });

/** What a report says that was archived before windows told kinds. */
function old(second: number, n: number): Window {
  const { failed_kinds: _, ...row } = sampleWindow(second, { failed: n });
  return row;
}

test("kinds stand in the order in which they came up, and a second of silence is a gap in all", () => {
  const windows = [failed(0, {}), failed(1, { timeout: 2 }), undefined];
  expect(kindColumns(windows)).toEqual([{ kind: "timeout", values: [0, 2, null] }]);
  expect(kindColumns([...windows, failed(3, { reset: 1, timeout: 4 })])).toEqual([
    { kind: "timeout", values: [0, 2, null, 4] },
    { kind: "reset", values: [0, 0, null, 1] },
  ]);
});

test("a hole is a gap", () => {
  const windows = [failed(0, { dns: 1 }), undefined, failed(2, {})];
  expect(kindColumns(windows)).toEqual([{ kind: "dns", values: [1, null, 0] }]);
});

test("without failures there is one column, which says so", () => {
  expect(kindColumns([failed(0, {}), undefined])).toEqual([{ kind: null, values: [0, null] }]);
  expect(kindColumns([])).toEqual([{ kind: null, values: [] }]);
});

test("what an old report does not divide stays together, and all columns add up to all", () => {
  expect(kindColumns([old(0, 3), old(1, 0)])).toEqual([{ kind: null, values: [3, 0] }]);
  expect(kindColumns([old(0, 3), failed(1, { dns: 2 })])).toEqual([
    { kind: null, values: [3, 0] },
    { kind: "dns", values: [0, 2] },
  ]);
});
