import { expect, test } from "vitest";
import { sampleWide, sampleWindow } from "../live/sample";
import { columnsOf } from "./columns";
import { thinnedWords } from "./thinnedWords";

const thinned = [
  sampleWide(0, 60, { failed: 3, failed_kinds: { reset: 3 } }),
  ...[60, 75].map((at) => sampleWide(at, 15)),
  sampleWide(90, 5),
  sampleWindow(95),
  sampleWindow(96),
];

test("windows of any width are places on one axis", () => {
  const columns = columnsOf(thinned, 97);
  expect(columns.offset_s).toEqual([0, 60, 75, 90, 95, 96]);
  expect(columns.width_s).toEqual([60, 15, 15, 5, 1, 1]);
  expect(columns.endS).toBe(97);
  expect(columns.sent).toEqual([10, 10, 10, 10, 10, 10]);
});

test("a stretch without a word is one gap, wherever it lies", () => {
  const columns = columnsOf([sampleWindow(2), sampleWindow(7)], 8);
  expect(columns.offset_s).toEqual([0, 2, 3, 7]);
  expect(columns.sent).toEqual([null, 10, null, 10]);
  expect(columns.failed_kinds).toEqual([{ kind: null, values: [null, 0, null, 0] }]);
});

test("a window that is not over is left out, however wide", () => {
  expect(columnsOf(thinned, 94).offset_s).toEqual([0, 60, 75]);
  expect(columnsOf(thinned, 94).endS).toBe(90);
});

test("how wide windows are is said where they are not seconds", () => {
  expect(thinnedWords(columnsOf(thinned, 97))).toMatch(
    /: 60 s until 01:00, 15 s until 01:30 and 5 s until 01:35\. /,
  );
  expect(thinnedWords(columnsOf(thinned.slice(3), 97))).toMatch(/: 5 s until 01:35\. /);
  expect(thinnedWords(columnsOf([sampleWindow(0), sampleWindow(9)], 10))).toBeNull();
});
