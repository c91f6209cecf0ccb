import { expect, test } from "vitest";
import { count, threeDigits } from "./digits";
import { bytes, duration, inMs, offset, rate, share, text, whole } from "./figure";
import { age, between, clock, instant } from "./instant";

test("three significant digits are shown, with separators and without an exponent", () => {
  const shown = [0, 0.000123456, 0.0123456, 0.9999, 1.2, 9.999, 12, 99.95, 123.4, 1234, 1234567];
  expect(shown.map(threeDigits)).toEqual([
    ...["0", "0.000123", "0.0123", "1.00", "1.20", "10.0", "12.0", "100", "123", "1,230"],
    "1,230,000",
  ]);
  expect(threeDigits(-1.5)).toBe("−1.50");
  expect(threeDigits(1e-15)).toBe("0");
});

test("counts keep every digit, and none is a dash", () => {
  expect([count(0), count(62_400), count(-3), count(null)]).toEqual(["0", "62,400", "−3", "–"]);
});

test("durations are µs below 1 ms, ms below 10 s, then s; the exact one is told", () => {
  const shown = [0, 999, 499_000, 999_999, 12_400_000, 1_500_000_000, 9_990_000_000, 12.3e9];
  expect(shown.map((ns) => text(duration(ns)))).toEqual([
    ...["0 ms", "0.999 µs", "499 µs", "1,000 µs", "12.4 ms", "1,500 ms", "9,990 ms", "12.3 s"],
  ]);
  expect(duration(12_400_321)).toEqual({ value: "12.4", unit: "ms", exact: "12,400,321 ns" });
  expect(duration(null)).toEqual({ value: "–", unit: "", exact: "no data" });
  expect([inMs(310_000_000), inMs(null)]).toEqual(["310", "–"]);
});

test("a difference of clocks has a sign", () => {
  expect([200_000, -200_000, 0, null].map((ns) => text(offset(ns)))).toEqual([
    ...["+200 µs", "−200 µs", "0 ms", "–"],
  ]);
});

test("rates are /s, and k/s from 10,000 on", () => {
  expect([0, 0.5, 512, 9_999, 10_000, 51_234, null].map((perS) => text(rate(perS)))).toEqual([
    ...["0 /s", "0.500 /s", "512 /s", "10,000 /s", "10.0 k/s", "51.2 k/s", "–"],
  ]);
});

test("shares, whole numbers and amounts of data say their unit", () => {
  expect([0, 0.000244, 1, null].map((part) => text(share(part)))).toEqual([
    ...["0 %", "0.0244 %", "100 %", "–"],
  ]);
  expect([text(whole(20_480)), text(whole(null))]).toEqual(["20,480", "–"]);
  expect([12, 1_500, 166_000, 2.5e6, 3e9, null].map((n) => text(bytes(n)))).toEqual([
    ...["12 B", "1.50 kB", "166 kB", "2.50 MB", "3.00 GB", "–"],
  ]);
});

test("stretches of time read as clocks, ages as seconds", () => {
  expect([0, 41.9, 120, 3_599, 7_261, -1].map(clock)).toEqual([
    ...["00:00", "00:41", "02:00", "59:59", "2:01:01", "00:00"],
  ]);
  expect([0.44, 3.21, 59.9, 75].map(age)).toEqual(["0.4 s", "3.2 s", "59 s", "01:15"]);
});

test("instants are shown in a zone", () => {
  expect(instant("2026-11-27T03:17:55.250Z", "Asia/Tokyo")).toBe("2026-11-27 12:17:55");
  expect(instant(null)).toBe("–");
  expect(instant("yesterday")).toBe("yesterday");
  expect(between("2026-11-27T03:17:55Z", "2026-11-27T03:18:00.5Z")).toBe(5.5);
  expect(between(null, "2026-11-27T03:18:00.5Z")).toBe(null);
});
