import { expect, test } from "vitest";
import { columnsOf } from "../../charts/columns";
import { sampleDriver, sampleView, sampleWindow } from "../../live/sample";
import { extend } from "../../live/track";
import { text } from "../../numbers/figure";
import { accountOf, failedTotal } from "./account";
import { bigNumbers } from "./bigNumbers";
import { driverRows } from "./driverRows";
import { driverState } from "./driverState";
import { finalView } from "./finalView";
import { lengthS, loadWords } from "./load";
import { marksOf } from "./marks";
import { specsOf } from "./specs";
import { thresholdValue } from "./threshold";
import { trackColumns } from "./trackColumns";

const view = sampleView();
const plan = view.run.plan;
const tsunami = {
  ...plan,
  load: { test_type: "tsunami" as const, message_count_per_driver: 1000, message_delay_ms: 2.5 },
};
const avalanche = {
  ...plan,
  load: { test_type: "avalanche" as const, message_count_per_driver: 1000 },
};

test("the account of a run under way is a sum with what is to come", () => {
  expect(accountOf(view.accounting, false)).toEqual({
    planned: 600,
    terms: [
      { name: "succeeded", n: 20, parts: [] },
      {
        name: "failed",
        n: 5,
        parts: [
          { name: "status_5xx", n: 3 },
          { name: "timeout", n: 2 },
        ],
      },
      { name: "dropped", n: 0, parts: [] },
      { name: "missed", n: 1, parts: [{ name: "handover", n: 1 }] },
      { name: "unconfirmed", n: 4, parts: [] },
      { name: "to come", n: 570, parts: [] },
    ],
    adds: true,
  });
  expect(failedTotal(view.accounting)).toBe(5);
});

test("after the end nothing is to come, and an account that does not add up says so", () => {
  const account = accountOf({ ...view.accounting, to_come: 0 }, true);
  expect(account.terms.map(({ name }) => name)).not.toContain("to come");
  expect(account.adds).toBe(false);
  expect(accountOf({ ...view.accounting, planned: 30 }, true).adds).toBe(true);
});

test("the big numbers are those of the newest second, held against what they should be", () => {
  const numbers = bigNumbers(view, [], false);
  expect(numbers.map(({ name, figure, beside }) => [name, text(figure), beside])).toEqual([
    ["rate", "10.0 /s", "of 10 /s planned"],
    ["response p50", "1.00 ms", "so far –"],
    ["response p99", "3.00 ms", "so far –, max –"],
    ["failed", "20.0 %", "5 of 25"],
    ["in flight", "1", "limit 2,000"],
  ]);
  expect(numbers.map(({ bad }) => bad ?? false)).toEqual([false, false, false, true, false]);
});

test("before the first second is over there are no numbers, which is not zero", () => {
  const unheard = { ...view, window: null };
  expect(bigNumbers(unheard, [], false).map(({ figure }) => text(figure))).toEqual([
    ...["–", "–", "–", "20.0 %", "–"],
  ]);
});

test("the big numbers of a run that has ended are those of the whole run", () => {
  const ended = { ...view, run: { ...view.run, ended_at: "2026-11-27T03:00:05Z" } };
  const windows = [sampleWindow(0, { in_flight: 7 }), sampleWindow(2)];
  const numbers = bigNumbers(ended, windows, true);
  expect(numbers.map(({ name, figure, beside }) => [name, text(figure), beside])).toEqual([
    ["mean rate", "5.00 /s", "25 sent of 600 planned"],
    ["response p50", "–", "service –"],
    ["response p99", "–", "max –"],
    ["failed", "20.0 %", "5 of 25"],
    ["in flight, peak", "7", "limit 2,000"],
  ]);
  const closed = { ...ended, run: { ...ended.run, plan: avalanche } };
  expect(bigNumbers(closed, [], true).at(-1)?.beside).toBe("limit 128");
});

test("a load says how long it lasts and what it is", () => {
  expect([plan, tsunami, avalanche].map(lengthS)).toEqual([60, 2.5, null]);
  expect(loadWords(plan, 2)).toBe("arrivals, 10.0 /s");
  expect(loadWords(tsunami, 2)).toBe("tsunami, 400 /s a driver, 800 /s in all");
  expect(loadWords(tsunami, null)).toBe("tsunami, 400 /s a driver");
  expect(loadWords(avalanche, 2)).toBe("avalanche, 1,000 a driver as fast as they go");
  const ends = [1, 2, 3, 4, 5, 6, 7].map((to) => ({ duration: "1s", from: to - 1, to }));
  const steps = { ...plan, load: { test_type: "arrivals" as const, stages: ends } };
  expect(loadWords(steps, 1)).toBe("arrivals, 0 /s → 1.00 /s → 2.00 /s → 3.00 /s → … → 7.00 /s");
});

test("charts have a place for every second, and none for the one that is still reported", () => {
  const columns = columnsOf([sampleWindow(0), sampleWindow(2), sampleWindow(3)], 3);
  expect(columns.offset_s).toEqual([0, 1, 2]);
  expect(columns.p99_ns).toEqual([3_000_000, null, 3_000_000]);
  expect(columnsOf([], 0).sent).toEqual([]);
  const drained = sampleWindow(1, { planned: 0, sent: 0 });
  const before = sampleWindow(0, { planned: 0, sent: 0 });
  expect(columnsOf([sampleWindow(0), drained], 2).sent).toEqual([10, null]);
  expect(columnsOf([before, { ...drained, sent: 1 }], 2).planned).toEqual([0, 0]);
  const specs = specsOf(columns, true);
  expect(specs.response.log).toBe(true);
  expect(Object.values(specs).map(({ lines }) => lines.map(({ values }) => values.length))).toEqual(
    [[3, 3], [3, 3, 3, 3], [3], [3, 3, 3], [3], [3]],
  );
});

test("marks are what happened to the fleet since the start; what is grave is red", () => {
  const events = [
    { offset_s: -1, kind: "joined", driver_id: "a", text: "before" },
    { offset_s: 0, kind: "state", driver_id: null, text: "RUNNING" },
    { offset_s: 4, kind: "lost", driver_id: "a", text: "a was not heard" },
    { offset_s: 6, kind: "joined", driver_id: "b", text: "b has its part" },
    { offset_s: 6.1, kind: "fenced", driver_id: "c", text: "c stopped by itself" },
  ];
  expect(marksOf(events)).toEqual([
    { offset_s: 4, text: "a was not heard", grave: true },
    { offset_s: 6, text: "b has its part; c stopped by itself", grave: true },
  ]);
});

test("drivers stand in the order of their numbers, each with what the fleet knows of it", () => {
  const drivers = ["driver-10", "driver-2"].map((id) => sampleDriver(id, 0));
  const tracks = new Map([
    [
      "driver-2",
      extend(extend([], sampleDriver("driver-2", 0), 0), sampleDriver("driver-2", 5), 500),
    ],
  ]);
  const heard = {
    ...{ driver_id: "driver-2", boot_id: "b", state: "working" as const, run_id: "smoke-1" },
    ...{ address: null, version: null, cpu_count: null, labels: {}, in_flight: 0, cpu: 0.1 },
    ...{ lag_p99_ns: null, clock_offset_ns: null, clock_round_trip_ns: null, heard_ago_s: 0.2 },
  };
  const rows = driverRows(drivers, [heard], tracks, 600);
  expect(rows.map((row) => [row.driver.driver_id, row.heard?.heard_ago_s, row.ratePerS])).toEqual([
    ["driver-2", 0.2, 10],
    ["driver-10", undefined, null],
  ]);
  expect(driverState(null)).toEqual({ sign: "–", word: "unknown", bad: false });
  expect(driverState({ state: "lost" })).toEqual({ sign: "✕", word: "lost", bad: true });
});

test("a driver's course is drawn from when the page was opened", () => {
  const track = extend(extend([], sampleDriver("a", 0), 10_000), sampleDriver("a", 50), 10_500);
  expect(trackColumns(track, 4_000)).toEqual({
    seconds: [6, 6.5],
    rate: [null, 100],
    cpu: [0.1, 0.1],
    inFlight: [0, 0],
  });
});

test("what was found for a threshold is shown in its own unit", () => {
  const shown = [
    { expression: "response_time.p99 < 300ms", value: 81_900_000 },
    { expression: "failed.rate < 1%", value: 0.0127 },
    { expression: "failed.count == 0", value: 46 },
    { expression: "lag.p99{request=ping} < 1ms", value: null },
  ].map((row) => text(thresholdValue(row)));
  expect(shown).toEqual(["81.9 ms", "1.27 %", "46", "–"]);
});

test("once there is a report, it is what counts", () => {
  const { to_come: _, ...accounting } = view.accounting;
  const histogram: [number, number, number][] = [];
  const { lag, ...rest } = view;
  const duration = { ...lag, histogram };
  const report = {
    version: 1 as const,
    run: { ...view.run, state: "FINISHED" as const, ended_at: "2026-11-27T03:01:00Z" },
    accounting,
    status_codes: { "200": 23 },
    ...{ response_time: duration, response_time_succeeded: duration, service_time: duration },
    ...{ lag: duration, wait_time: duration, connect_time: duration },
    stages: [],
    requests: [],
    windows: [sampleWindow(0), sampleWindow(1, { sent: 12 })],
    drivers: [
      {
        ...{ driver_id: "driver-1", clock_offset_ns: 1, start_skew_ns: 2, cpu: 0.5, accounting },
        ...{ response_time: duration, service_time: duration, lag: duration },
      },
    ],
    events: [],
    verdict: { passed: true, thresholds: [], degraded: [{ reason: "lag", text: "late" }] },
  };
  const final = finalView({ ...rest, lag }, report);
  expect(Object.keys(final).sort()).toEqual(Object.keys(view).sort());
  expect(final.verdict).toEqual(report.verdict);
  expect(final.degraded).toEqual(report.verdict.degraded);
  expect(final.window).toEqual(report.windows[1]);
  expect(final.accounting).toEqual({ ...accounting, to_come: 0 });
  expect(final.run).toEqual({ ...report.run, waiting_for: null });
  expect(final.drivers.map(({ reported, sent, cpu }) => [reported, sent, cpu])).toEqual([
    [26, 25, 0.5],
  ]);
});
