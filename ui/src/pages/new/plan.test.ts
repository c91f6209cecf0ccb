import { expect, test } from "vitest";
import { fragmentOf, preparedOf } from "./address";
import { firstPlan, loadOf } from "./beginning";
import { withoutDefaults } from "./defaults";
import { draftOf, withTestType, withValue } from "./draft";
import { type JsonObject, same } from "./json";
import { added, moved, removed } from "./list";
import { mappingOf, pairProblem, pairsOf } from "./pairs";
import { at, pathText, put } from "./path";
import { LINES_KIND, NUMBER_KIND, TEXT_KIND, WORDS_KIND } from "./typed";

/** As the API gives a plan back: with everything in it. */
const FULL: JsonObject = {
  name: "checkout",
  description: "",
  labels: { team: "shop" },
  target: "http://127.0.0.1:8000",
  tls: { verify: true, ca: null, server_name: null },
  requests: [
    {
      name: "GET /ping",
      method: "GET",
      path: "/ping",
      headers: {},
      body: "",
      weight: 1,
      expect: { status: ["2xx", "3xx"], body_contains: null },
    },
    {
      name: "buy",
      method: "POST",
      path: "/buy",
      headers: { Accept: "text/plain" },
      body: "x\n",
      weight: 3,
      expect: { status: ["201"], body_contains: null },
    },
  ],
  seed: 1,
  load: {
    test_type: "arrivals",
    stages: [
      { name: "ramp", duration: "10s", from: 10, to: 200, measured: false },
      { name: "stage-2", duration: "20s", from: 200, to: 200, measured: true },
      { name: "step", duration: "20s", from: 400, to: 400, measured: true },
    ],
    spacing: "uniform",
  },
  limits: { connections: 64, in_flight: 50, connect_timeout: "5s", timeout: "10s" },
  drivers: { min: 1, wait: "30s", on_loss: "takeover" },
  options: { index_header: false, traceparent: 0 },
  thresholds: [],
};

const BRIEF: JsonObject = {
  name: "checkout",
  labels: { team: "shop" },
  target: "http://127.0.0.1:8000",
  requests: [
    { path: "/ping" },
    {
      name: "buy",
      method: "POST",
      path: "/buy",
      headers: { Accept: "text/plain" },
      body: "x\n",
      weight: 3,
      expect: { status: ["201"] },
    },
  ],
  load: {
    test_type: "arrivals",
    stages: [
      { name: "ramp", duration: "10s", from: 10, to: 200, measured: false },
      { duration: "20s" },
      { name: "step", duration: "20s", from: 400 },
    ],
  },
  limits: { in_flight: 50 },
};

test("a plan that comes back is written without what holds by itself", () => {
  const { to: _, ...second } = { duration: "20s", to: 200 };
  expect(withoutDefaults(FULL)).toEqual(put(BRIEF, ["load", "stages", 1], second));
  expect(withoutDefaults(BRIEF)).toEqual(BRIEF);
});

test("an address brings back the plan it was made of, or the text that could not be read", () => {
  const plan = { name: "größe 🌊", n: 1.5, deep: [{ a: null, b: [true] }] };
  expect(preparedOf(fragmentOf({ plan }))).toEqual({ plan });
  expect(preparedOf(fragmentOf({ plan: {} }))).toEqual({ plan: {} });
  const yaml = "name: [ä\n";
  expect(preparedOf(fragmentOf({ yaml }))).toEqual({ yaml });
  expect(fragmentOf({ plan })).toMatch(/^#plan=[\w-]+$/);
});

test("an address that says no plan is passed over", () => {
  const wrong = [
    "",
    "#",
    "#plan=",
    "#plan=%%%",
    "#plan=AAAA",
    "#other=e30",
    "#plan=W10",
    "#plan=e3",
  ];
  expect(wrong.map(preparedOf)).toEqual(wrong.map(() => null));
});

test("paths are written as the API writes them", () => {
  expect([
    pathText(["load", "stages", 1, "to"]),
    pathText(["labels", "a b"]),
    pathText(["requests", 0, "headers", "X-Id"]),
    pathText([]),
  ]).toEqual(["load.stages[1].to", 'labels["a b"]', "requests[0].headers.X-Id", ""]);
});

test("a value is put at its path, and a mapping left without keys goes", () => {
  const plan = { name: "a", limits: { timeout: "1s" } };
  expect(put(plan, ["limits", "connections"], 5)).toEqual({
    name: "a",
    limits: { timeout: "1s", connections: 5 },
  });
  expect(put(plan, ["limits", "timeout"], undefined)).toEqual({ name: "a" });
  expect(put({ load: "none" }, ["load", "test_type"], "tsunami")).toEqual({
    load: { test_type: "tsunami" },
  });
  expect(put({ requests: [{ path: "/" }] }, ["requests", 0, "path"], undefined)).toEqual({
    requests: [{}],
  });
  expect(plan).toEqual({ name: "a", limits: { timeout: "1s" } });
});

test("what is not there, or has another form, is undefined", () => {
  const plan = { load: { stages: [{ to: 5 }] }, requests: "none" };
  expect([
    at(plan, ["load", "stages", 0, "to"]),
    at(plan, ["load", "stages", 1, "to"]),
    at(plan, ["requests", 0, "path"]),
    at(plan, ["constructor"]),
  ]).toEqual([5, undefined, undefined, undefined]);
});

test("what is typed as a number becomes one, and what is none goes on as it is", () => {
  const typed = ["10", " 0.5 ", "1.", "1e3", "", "  ", "abc", "0x10", "1,5", "Infinity"];
  expect(typed.map(NUMBER_KIND.read)).toEqual([
    ...[10, 0.5, 1, 1000, undefined, undefined, "abc", "0x10", "1,5", "Infinity"],
  ]);
  expect([10, "abc", undefined, null, ["x"]].map(NUMBER_KIND.write)).toEqual([
    ...["10", "abc", "", "", '["x"]'],
  ]);
});

test("texts, lines and words read what they write", () => {
  expect([TEXT_KIND.read(" /ping "), TEXT_KIND.read(" ")]).toEqual(["/ping", undefined]);
  expect([LINES_KIND.read(" a\n"), LINES_KIND.read("")]).toEqual([" a\n", undefined]);
  expect(WORDS_KIND.read("2xx,  404 ,")).toEqual(["2xx", "404"]);
  expect(WORDS_KIND.write(["2xx", 404])).toBe("2xx, 404");
  expect(WORDS_KIND.read(WORDS_KIND.write(["2xx", "404"]))).toEqual(["2xx", "404"]);
});

test("rows of names and values are the mapping they say, but for what no mapping can hold", () => {
  const mapping = { a: "1", b: "" };
  expect(mappingOf(pairsOf(mapping))).toEqual(mapping);
  const rows = [
    { key: "a", value: "1" },
    { key: "", value: "" },
    { key: "", value: "lost" },
    { key: " a", value: "2" },
  ];
  expect(mappingOf(rows)).toEqual({ a: "2" });
  expect(rows.map((_, place) => pairProblem(rows, place))).toEqual([
    "is there twice; only the last one counts",
    null,
    "give it a name, or it is left out",
    "is there twice; only the last one counts",
  ]);
  expect(mappingOf([{ key: "", value: "" }])).toBe(undefined);
});

test("items of lists are added, removed and moved within their list", () => {
  const list = ["a", "b", "c"];
  expect(added(list, "d")).toEqual(["a", "b", "c", "d"]);
  expect(removed(list, 1)).toEqual(["a", "c"]);
  expect([moved(list, 0, 1), moved(list, 2, -2), moved(list, 2, 1), moved(list, 9, 1)]).toEqual([
    ["b", "a", "c"],
    ["c", "a", "b"],
    ["a", "b", "c"],
    ["a", "b", "c"],
  ]);
});

test("looking at another test type and back loses nothing, and the count goes along", () => {
  const begun = withValue(draftOf(firstPlan(null)), ["load", "message_count_per_driver"], 7);
  const avalanche = withTestType(begun, "avalanche");
  expect(avalanche.plan.load).toEqual({ test_type: "avalanche", message_count_per_driver: 7 });
  const arrivals = withTestType(avalanche, "arrivals");
  expect(arrivals.plan.load).toEqual(loadOf("arrivals"));
  const back = withTestType(withValue(arrivals, ["load", "stages"], []), "tsunami");
  expect(back.plan).toEqual(begun.plan);
  expect(withTestType(back, "arrivals").plan.load).toEqual({ test_type: "arrivals", stages: [] });
});

test("the first plan loads the sample target, wherever that is", () => {
  expect([firstPlan("http://127.0.0.1:8000").target, firstPlan(null).target]).toEqual([
    "http://127.0.0.1:8000",
    "",
  ]);
});

test("documents are the same whatever the order of their keys", () => {
  expect(same({ a: [1, { b: null }], c: "x" }, { c: "x", a: [1, { b: null }] })).toBe(true);
  expect(same({ a: 1 }, { b: 1 })).toBe(false);
  expect(same([], {})).toBe(false);
});
