import { expect, test } from "vitest";
import { codeParts } from "./codeParts";
import { replicasProblem, scaleWords } from "./scaleWords";

test("before the fleet grows or shrinks it is said what will happen", () => {
  const [up, down, none] = [scaleWords(2, 3), scaleWords(4, 1), scaleWords(2, 0)];
  expect([up.question, up.verb, up.grave]).toEqual([
    "Scale from 2 to 3 drivers?",
    "Scale to 3 drivers",
    false,
  ]);
  expect(up.text).toMatch(/^1 more driver is started\./);
  expect([down.question, down.grave]).toEqual(["Scale from 4 to 1 driver?", false]);
  expect(down.text).toMatch(/^3 drivers go\. .* nothing is sent twice\.$/);
  expect(none.grave).toBe(true);
  expect(none.text).toContain("what is due in a run under way is missed");
});

test("a number of drivers is whole and at most a thousand", () => {
  const typed = ["0", " 12 ", "1000", "1001", "-1", "1.5", "", "two"];
  expect(typed.map((text) => replicasProblem(text) === null)).toEqual([
    ...[true, true, true, false, false, false, false, false],
  ]);
});

test("commands in a sentence are told from its words", () => {
  expect(codeParts("start `spate local`, or `python -m driver`")).toEqual([
    { text: "start ", code: false },
    { text: "spate local", code: true },
    { text: ", or ", code: false },
    { text: "python -m driver", code: true },
  ]);
  expect(codeParts("nothing")).toEqual([{ text: "nothing", code: false }]);
});
