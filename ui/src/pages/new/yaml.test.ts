import { expect, test } from "vitest";
import { firstPlan, loadOf } from "./beginning";
import type { JsonObject } from "./json";
import { readYaml, TextError, writeYaml } from "./yaml";

function refusal(text: string): string {
  try {
    return `read as ${JSON.stringify(readYaml(text))}`;
  } catch (error) {
    if (error instanceof TextError) return error.message;
    throw error;
  }
}

test("a plan that is written as YAML is read as the same plan", () => {
  const plans: JsonObject[] = [
    firstPlan(null),
    { ...firstPlan("http://target:8000"), load: loadOf("arrivals") },
    {
      name: "no",
      labels: { "1": "true", "a b": "12", empty: "", "~": "null", x: "0x10", y: "010", z: "1e3" },
      description: "first\n  second: #\n\nlast\n",
      requests: [{ path: "/", headers: { A: "*/*", B: "&x", C: "!t", D: "- 1" }, body: " \n" }],
      seed: 9007199254740991,
      load: { test_type: "tsunami", message_delay_ms: 0.000001, message_count_per_driver: 1 },
      tls: { ca: null, verify: false },
      thresholds: ["response_time.p99{request=a: b} < 300ms", "failed.rate == 0%", ""],
      odd: [[], {}, [1, [2]], -0.5],
    },
  ];
  expect(plans.map((plan) => readYaml(writeYaml(plan)))).toEqual(plans);
});

test("plain words are what the command reads them as: numbers, true, false and null only", () => {
  const text = [
    ...["a: no", "b: 010", "c: 12:30:00", "d: 0x1F", "e: 2026-11-27", "f: 1_000", "g: 0o7"],
    ...["h: 1.5", "i: .5", "j: 1e3", "k: +7", "l: TRUE", "m: ~", "n:", 'o: "5"', "p: '5'"],
  ].join("\n");
  expect(readYaml(text)).toEqual({
    ...{ a: "no", b: "010", c: "12:30:00", d: "0x1F", e: "2026-11-27", f: "1_000", g: "0o7" },
    ...{ h: 1.5, i: 0.5, j: 1000, k: 7, l: true, m: null, n: null, o: "5", p: "5" },
  });
});

test("JSON is YAML too, and comments are no part of a plan", () => {
  expect(readYaml('{"name": "a", "load": {"stages": [1, null]}}')).toEqual({
    name: "a",
    load: { stages: [1, null] },
  });
  expect(readYaml("# mine\nname: a # so\n")).toEqual({ name: "a" });
});

test("what a plan cannot be is refused with its line", () => {
  expect(
    [
      ...["", "- a\n- b", "name: [a", "a: 1\na: 2", "a: &x 1", "a: 1\nb: !!str 2", "a: .inf"],
      ...["a: 1\n---\nb: 2", "? [a]\n: 1", "a: 1\nb: 1e999"],
    ].map(refusal),
  ).toEqual([
    "The text is empty; write a plan.",
    "The text is no plan; write keys with values, such as name: first-look",
    "Line 1 is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
    "Line 2 is not YAML: Map keys must be unique",
    "Line 1 has an anchor or alias (& or *); write the value out.",
    "Line 2 has the tag tag:yaml.org,2002:str; remove it.",
    "Line 1 has .inf; write a finite number.",
    "Line 2 begins a second document; a text holds one plan.",
    "Line 1 has a list or mapping as a key.",
    "Line 2 has 1e999; write a finite number.",
  ]);
});
