import { expect, test } from "vitest";
import { leastDrivers, startWords } from "./startWords";

const WELL = { broken: false, wrongs: 0, before: 0, eligible: 2, least: 1 };

test("what stands in the way of a run is said, the nearest first", () => {
  expect(
    [
      WELL,
      { ...WELL, eligible: null },
      { ...WELL, eligible: 0 },
      { ...WELL, least: 3 },
      { ...WELL, eligible: 1, least: 2 },
      { ...WELL, eligible: 0, before: 1 },
      { ...WELL, before: 2 },
      { ...WELL, wrongs: 1, before: 2 },
      { ...WELL, wrongs: 3 },
      { ...WELL, wrongs: 3, broken: true },
    ].map(startWords),
  ).toEqual([
    "It begins in a few seconds.",
    "It begins in a few seconds.",
    "It waits for a driver: none is ready.",
    "It waits for 3 drivers: 2 are ready.",
    "It waits for 2 drivers: 1 is ready.",
    "It waits for the run under way.",
    "It waits for the 2 runs before it.",
    "1 place needs mending.",
    "3 places need mending.",
    "The YAML cannot be read.",
  ]);
});

test("a plan waits for one driver unless it says otherwise", () => {
  expect([{}, { drivers: { min: 4 } }, { drivers: { min: "x" } }].map(leastDrivers)).toEqual([
    ...[1, 4, 1],
  ]);
});
