import { expect, test } from "vitest";
import { sampleDriver } from "./sample";
import { extend, rateOf, type Track } from "./track";

/** A driver that reports 50 more every half second, from `fromMs` on. */
function steady(reports: number, fromMs = 0): Track {
  return Array.from({ length: reports }, (_, at) => at).reduce<Track>(
    (track, at) => extend(track, sampleDriver("driver-1", at * 50), fromMs + at * 500),
    [],
  );
}

test("a rate is what was added in the last three seconds", () => {
  expect(rateOf(steady(20), 9_500)).toBe(100);
  expect(rateOf(steady(20), 9_900)).toBe(100);
  expect(rateOf(steady(2), 500)).toBe(100);
});

test("one report alone has no rate", () => {
  expect(rateOf([], 0)).toBe(null);
  expect(rateOf(steady(1), 100)).toBe(null);
});

test("a driver that has gone silent sends less and less, and then nothing", () => {
  const track = steady(20);
  expect(rateOf(track, 11_500)).toBeCloseTo(100 / 3, 0);
  expect(rateOf(track, 20_000)).toBe(0);
});

test("a driver whose row has its turn every few seconds is not silent in between", () => {
  const told = [0, 2_500, 5_000].map((atMs) => ({ atMs, sent: atMs / 10, cpu: 0, inFlight: 0 }));
  expect(rateOf(told, 7_400)).toBe(100);
  expect(rateOf(told, 10_100)).toBe(0);
});

test("only what is new is noted, and no more than can be drawn", () => {
  const track = steady(2);
  expect(extend(track, sampleDriver("driver-1", 50), 9_000)).toBe(track);
  expect(steady(1_500).length).toBe(1_200);
});
