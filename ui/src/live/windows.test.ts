import { expect, test } from "vitest";
import { sampleWide, sampleWindow } from "./sample";
import { asSecond, endOf, placed, widthOf } from "./windows";

const seconds = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => sampleWindow(from + at));

test("rows stay in order, wherever a new one belongs", () => {
  const known = [sampleWindow(1), sampleWindow(4)];
  const rows = [sampleWindow(0), sampleWindow(2), sampleWindow(4, { sent: 11 }), sampleWindow(9)];
  expect(placed(known, rows).map(({ offset_s, sent }) => [offset_s, sent])).toEqual([
    ...[
      [0, 10],
      [1, 10],
      [2, 10],
      [4, 11],
      [9, 10],
    ],
  ]);
  expect(placed(known, [])).toBe(known);
  expect(known.length).toBe(2);
});

test("a wider window takes the place of all that begin within it", () => {
  const thinned = placed(seconds(0, 12), [sampleWide(5, 5)]);
  expect(thinned.map(({ offset_s }) => offset_s)).toEqual([0, 1, 2, 3, 4, 5, 10, 11]);
  const wider = placed(thinned, [sampleWide(0, 5), sampleWide(0, 15)]);
  expect(wider.map((row) => [row.offset_s, endOf(row)])).toEqual([[0, 15]]);
});

test("a window that does not say how wide it is is a second", () => {
  const { width_s: _, ...old } = sampleWindow(3);
  expect([widthOf(old), endOf(old), asSecond(old)]).toEqual([1, 4, old]);
});

test("a wide window is drawn as rates of its mean and what was bad in its worst second", () => {
  const row = sampleWide(60, 5, { sent: 50, planned: 55, missed: 5, failed: 3, p99_ns: 7 });
  const peak = {
    ...{ sent: 20, failed: 2, failed_kinds: { reset: 2 }, dropped: 4 },
    ...{ p99_ns: 9, lag_p99_ns: 8 },
  };
  const shown = asSecond({ ...row, peak });
  expect([shown.planned, shown.sent, shown.missed]).toEqual([11, 10, 1]);
  expect([shown.failed, shown.failed_kinds, shown.dropped]).toEqual([2, { reset: 2 }, 4]);
  expect([shown.p99_ns, shown.lag_p99_ns, shown.in_flight]).toEqual([7, 8, row.in_flight]);
});
