import { expect, test } from "vitest";
import { courseOf, stageMarks } from "./preview";

test("between two corners the rate is linear, and a step stays a step", () => {
  const { seconds, fleet, driver } = courseOf(
    {
      count: 300,
      duration_s: 2,
      peak_rate_per_s: 200,
      preview: [
        [0, 100],
        [1, 100],
        [1, 200],
        [2, 0],
      ],
    },
    4,
  );
  expect([seconds[0], seconds.at(-1), fleet[0], fleet.at(-1)]).toEqual([0, 2, 100, 0]);
  const step = seconds.flatMap((s, place) => (s === 1 ? [fleet[place]] : []));
  expect(step).toEqual([100, 200]);
  const middle = fleet[seconds.indexOf(1.5)];
  expect(middle).toBe(100);
  expect(driver).toEqual(fleet.map((perS) => (perS ?? 0) / 4));
  expect(seconds).toEqual([...seconds].sort((a, b) => a - b));
});

test("a closed load has no course", () => {
  const preview = { count: 10, duration_s: null, peak_rate_per_s: null, preview: [] };
  expect(courseOf(preview, 1)).toEqual({ seconds: [], fleet: [], driver: [] });
});

test("several stages are marked where they begin", () => {
  const stages = [
    { name: "ramp", duration: "1.5s", from: 1, measured: false },
    { duration: "2m" },
    { name: "end", duration: "1s" },
  ];
  expect(stageMarks(stages)).toEqual([
    { offset_s: 0, text: "ramp begins, not measured", grave: false },
    { offset_s: 1.5, text: "stage-2 begins", grave: false },
    { offset_s: 121.5, text: "end begins", grave: false },
  ]);
  expect([stageMarks(stages.slice(0, 1)), stageMarks("none"), stageMarks(undefined)]).toEqual([
    [],
    [],
    [],
  ]);
});
