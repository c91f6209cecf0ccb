import { expect, test } from "vitest";
import type { Duration, Plan, Report } from "../../api/schema";
import { sampleView, sampleWide, sampleWindow } from "../../live/sample";
import { duration, share, text, whole } from "../../numbers/figure";
import { difference, differences } from "./differences";
import { overlayOf } from "./overlay";
import { planDifferences } from "./planDifferences";

/** A report of so many windows whose response times are all `p99_ns`. */
function report(seconds: number, p99_ns: number | null): Report {
  const { run, accounting, status_codes } = sampleView({
    state: "FINISHED",
    ended_at: "2026-11-27T03:00:05Z",
  });
  const { to_come: _t, ...account } = accounting;
  const { waiting_for: _w, ...reportRun } = run;
  const all: Duration = {
    ...{ count: 25, histogram: [], min_ns: 1, mean_ns: 2, mode_ns: 2, p50_ns: 2_000_000 },
    ...{ p90_ns: 3, p95_ns: 4, p99_ns, p999_ns: 5, max_ns: 6 },
  };
  return {
    ...{ version: 1, run: reportRun, accounting: account, status_codes },
    ...{ response_time: all, response_time_succeeded: all, service_time: all, lag: all },
    ...{ wait_time: all, connect_time: all, stages: [], requests: [], drivers: [], events: [] },
    windows: Array.from({ length: seconds }, (_, s) => sampleWindow(s, { sent: seconds })),
    verdict: { passed: true, thresholds: [], degraded: [] },
  };
}

test("a difference has its sign, its unit and its share of the first", () => {
  const shown = [
    difference("p99", 10_000_000, 12_500_000, duration),
    difference("failed", 100, 75, whole),
    difference("rate", 0.02, 0.02, share),
  ].map(({ a, b, absolute, relative }) => [text(a), text(b), absolute, relative]);
  expect(shown).toEqual([
    ["10.0 ms", "12.5 ms", "+2.50 ms", "+25.0 %"],
    ["100", "75", "−25", "−25.0 %"],
    ["2.00 %", "2.00 %", "0", "0 %"],
  ]);
});

test("where one run has no figure there is no difference, and of nothing no share", () => {
  const shown = [
    difference("p99", null, 5, duration),
    difference("p99", 5, null, duration),
    difference("failed", 0, 7, whole),
  ].map(({ absolute, relative }) => [absolute, relative]);
  expect(shown).toEqual([
    ["–", "–"],
    ["–", "–"],
    ["+7", "–"],
  ]);
});

test("figures of two reports stand side by side, counts as in their accounts", () => {
  const rows = differences(report(3, 8_000_000), report(3, 4_000_000));
  const of = (name: string) => {
    const { a, b, absolute, relative } = rows.find((row) => row.name === name) ?? rows[0] ?? {};
    return [a && text(a), b && text(b), absolute, relative];
  };
  expect(of("response time p99")).toEqual(["8.00 ms", "4.00 ms", "−4.00 ms", "−50.0 %"]);
  expect(of("failed")).toEqual(["5", "5", "0", "0 %"]);
  expect(of("failed rate")).toEqual(["20.0 %", "20.0 %", "0", "0 %"]);
  expect(of("mean rate")).toEqual(["5.00 /s", "5.00 /s", "0", "0 %"]);
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
});

test("the shorter of two runs ends, and is not drawn on", () => {
  const { seconds, specs } = overlayOf(report(2, 1), report(3, 1));
  expect(seconds).toEqual([0, 1, 2]);
  expect(specs.map(({ title }) => title)).toEqual([
    ...["Rate sent", "Failed", "Response time p50", "Response time p99"],
  ]);
  expect(specs[0]?.lines.map(({ label, values }) => [label, values])).toEqual([
    ["A", [2, 2, null]],
    ["B", [3, 3, 3]],
  ]);
});

test("windows of different widths lie over each other second by second", () => {
  const wide = { ...report(0, 1), windows: [sampleWide(0, 5, { sent: 35 }), sampleWindow(5)] };
  const { seconds, endS, specs, thinned } = overlayOf(wide, report(3, 1));
  expect([seconds, endS]).toEqual([[0, 1, 2, 5], 6]);
  expect(thinned.map((words) => words.slice(0, 30))).toEqual(["A: Windows are wider than a se"]);
  expect(specs[0]?.lines.map(({ values }) => values)).toEqual([
    [7, 7, 7, 10],
    [3, 3, 3, null],
  ]);
});

test("plans differ where their values do, and where one of them says nothing", () => {
  const { plan } = sampleView().run;
  const other: Plan = {
    ...plan,
    labels: { team: "shop" },
    load: { test_type: "tsunami", message_delay_ms: 10, message_count_per_driver: 5 },
  };
  expect(planDifferences(plan, plan)).toEqual([]);
  expect(planDifferences(plan, other)).toEqual([
    { path: "load.test_type", a: "arrivals", b: "tsunami" },
    { path: "load.stages", a: "duration: 60s, from: 10", b: null },
    { path: "load.message_delay_ms", a: null, b: "10" },
    { path: "load.message_count_per_driver", a: null, b: "5" },
    { path: "labels", a: null, b: "team: shop" },
  ]);
});

test("a request that only one plan has is one difference, told in short", () => {
  const { plan } = sampleView().run;
  const slow = { name: "slow", method: "GET", path: "/slow", weight: 2, headers: {}, body: "" };
  const other: Plan = { ...plan, requests: [{ path: "/pong" }, slow] };
  expect(planDifferences(plan, other)).toEqual([
    { path: "requests[0].path", a: "/ping", b: "/pong" },
    { path: "requests[1]", a: null, b: "name: slow, path: /slow, weight: 2" },
  ]);
});
