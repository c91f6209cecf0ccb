// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { duration, rate } from "../numbers/figure";
import { markAt } from "./markAt";
import { dataOf, tick, yRange } from "./options";
import { lonely, stacked } from "./stack";
import { shown, TimeAxis } from "./timeAxis";

const SPEC = { title: "t", show: rate };
const line = (values: (number | null)[]) => ({ label: "l", colour: "sent" as const, values });

test("stacked columns are sums from below, and a second without any figure stays a gap", () => {
  expect(
    stacked([
      [1, null, null, 4],
      [10, 20, null, null],
    ]),
  ).toEqual([
    [1, 0, null, 4],
    [11, 20, null, 4],
  ]);
  expect(stacked([])).toEqual([]);
});

test("the highest sum is drawn first, so that the parts below it are seen", () => {
  const spec = { ...SPEC, lines: [line([1, 2]), line([3, 4])], stacked: true };
  expect(dataOf(spec, [0, 1])).toEqual([
    [0, 1],
    [4, 6],
    [1, 2],
  ]);
  expect(dataOf({ ...spec, stacked: false }, [0, 1])).toEqual([
    [0, 1],
    [1, 2],
    [3, 4],
  ]);
});

test("a figure between two gaps is a point, for there is nothing to join it with", () => {
  expect(lonely([1, null, 2, 3, null, 4], 0, 5)).toEqual([0, 5]);
  expect(lonely([1, null, 2, null, 3], 1, 3)).toEqual([2]);
});

test("the y axis begins at 0, but for logarithms, which go by whole decades", () => {
  const spec = { ...SPEC, lines: [] };
  expect(yRange(spec, 3, 100)).toEqual([0, 106]);
  expect(yRange({ ...spec, atLeast: 500 }, 3, 100)).toEqual([0, 500]);
  expect(yRange(spec, null, null)).toEqual([0, 1]);
  expect(yRange({ ...spec, log: true }, 2e6, 3e7)).toEqual([1e6, 1e8]);
  expect(yRange({ ...spec, log: true }, null, null)).toEqual([1e5, 1e9]);
});

test("values beside an axis are short", () => {
  expect([0, 50e6, 2.5e6, 200e3].map((ns) => tick(duration(ns)))).toEqual([
    ...["0", "50 ms", "2.5 ms", "200 µs"],
  ]);
  expect(tick(rate(100))).toBe("100 /s");
});

test("one axis tells all charts of its zoom and its cursor, and only of changes", () => {
  const axis = new TimeAxis();
  const told: unknown[] = [];
  const stop = axis.subscribe(() => told.push(axis.get()));
  axis.zoomTo({ from: 30, to: 10 });
  axis.zoomTo({ from: 5, to: 6 });
  axis.point(12);
  axis.point(12);
  axis.reset();
  axis.reset();
  stop();
  axis.point(null);
  expect(told).toEqual([
    { zoom: { from: 10, to: 30 }, cursorS: null },
    { zoom: { from: 10, to: 30 }, cursorS: 12 },
    { zoom: null, cursorS: 12 },
  ]);
  expect([shown(null, 0), shown(null, 60), shown({ from: 1, to: 5 }, 60)]).toEqual([
    { from: 0, to: 2 },
    { from: 0, to: 60 },
    { from: 1, to: 5 },
  ]);
});

test("the mark next to the cursor is the one that is told", () => {
  const marks = [4.2, 5.1, 60].map((offset_s) => ({ offset_s, text: `${offset_s}`, grave: false }));
  expect([null, 0, 4, 5, 30, 57].map((second) => markAt(marks, second, 0.1)?.text ?? null)).toEqual(
    [...[null, null, "4.2", "5.1", null, null]],
  );
  expect(markAt(marks, 57, 10)?.text).toBe("60");
});
