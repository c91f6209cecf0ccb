import { expect, test } from "vitest";
import { firstPlan, loadOf } from "./beginning";
import { countIn, fieldPaths, placed } from "./places";

const PLAN = { ...firstPlan(null), load: loadOf("arrivals") };

function wrong(...paths: string[]) {
  return placed(
    paths.map((path) => ({ path, message: "is wrong" })),
    fieldPaths(PLAN),
  );
}

test("errors stand at the field they are about", () => {
  const paths = [
    "target",
    "load.stages[1].to",
    "requests[0].path",
    "thresholds[1]",
    "limits.timeout",
  ];
  const { at, others } = wrong(...paths);
  expect(Object.fromEntries(at)).toEqual(
    Object.fromEntries(paths.map((path) => [path, ["is wrong"]])),
  );
  expect(others).toEqual([]);
});

test("errors inside a field stand there, and say what they are about", () => {
  const { at } = wrong(
    ...['requests[0].headers["a b"]', "requests[0].expect.status[1]", "labels.team", "load.stagse"],
    "requests[0].hedaers",
  );
  expect(Object.fromEntries(at)).toEqual({
    "requests[0].headers": ['["a b"] is wrong'],
    "requests[0].expect.status": ["[1] is wrong"],
    labels: ["team is wrong"],
    load: ["stagse is wrong"],
    "requests[0]": ["hedaers is wrong"],
  });
});

test("errors without a place in the form are listed by themselves", () => {
  const { at, others } = wrong("", "tragte", "load_test", "namex");
  expect(at.size).toBe(0);
  expect(others.map(({ path }) => path)).toEqual(["", "tragte", "load_test", "namex"]);
});

test("fields of a load are only those of its test type", () => {
  const paths = fieldPaths(firstPlan(null));
  expect([paths.has("load.message_delay_ms"), paths.has("load.stages")]).toEqual([true, false]);
  const [first] = placed([{ path: "load.stages", message: "belongs to arrivals" }], paths).at;
  expect(first).toEqual(["load", ["stages belongs to arrivals"]]);
});

test("errors are counted by the part of the form they stand in", () => {
  const found = wrong("limits", "limits.timeout", "labels.team", "requests[0].expect.status[1]");
  expect([
    countIn(found, ["limits"]),
    countIn(found, ["labels"], ["description"]),
    countIn(found, ["requests", 0, "expect"], ["requests", 0, "body"]),
    countIn(found, ["drivers"]),
  ]).toEqual([2, 1, 1, 0]);
});
