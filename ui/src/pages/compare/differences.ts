import type { Duration, Report } from "../../api/schema";
import { count, NONE } from "../../numbers/digits";
import { duration, type Figure, rate, share, text, whole } from "../../numbers/figure";
import { between } from "../../numbers/instant";

/** A figure of two runs, and by how much the second differs from the first. */
export type Difference = {
  name: string;
  a: Figure;
  b: Figure;
  absolute: string;
  relative: string;
};

type Show = (value: number | null) => Figure;
type Measure = { name: string; of: (report: Report) => number | null; show: Show };

const STATISTICS = [
  ...([
    ["min", "min_ns"],
    ["mean", "mean_ns"],
    ["p50", "p50_ns"],
    ["p90", "p90_ns"],
  ] as const),
  ...([
    ["p95", "p95_ns"],
    ["p99", "p99_ns"],
    ["p99.9", "p999_ns"],
    ["max", "max_ns"],
  ] as const),
];

const MEASURES: readonly Measure[] = [
  ...timed("response time", (report) => report.response_time, STATISTICS),
  ...timed("service time", (report) => report.service_time, [STATISTICS[2], STATISTICS[5]]),
  ...timed("wait time", (report) => report.wait_time, [STATISTICS[5]]),
  ...timed("lag", (report) => report.lag, [STATISTICS[5]]),
  { name: "mean rate", of: meanRate, show: rate },
  counted("planned", ({ accounting }) => accounting.planned),
  counted("sent", ({ accounting }) => accounting.sent),
  counted("succeeded", ({ accounting }) => accounting.succeeded),
  counted("failed", ({ accounting }) => sum(accounting.failed)),
  { name: "failed rate", of: failedRate, show: share },
  counted("dropped", ({ accounting }) => sum(accounting.dropped)),
  counted("missed", ({ accounting }) => sum(accounting.missed)),
  counted("unconfirmed", ({ accounting }) => accounting.unconfirmed),
];

/** Returns every figure of two reports side by side; pure. */
export function differences(a: Report, b: Report): Difference[] {
  return MEASURES.map(({ name, of, show }) => difference(name, of(a), of(b), show));
}

/** Returns one figure of two runs; where one of them has none there is no difference. */
export function difference(
  name: string,
  a: number | null,
  b: number | null,
  show: Show,
): Difference {
  const sides = { name, a: show(a), b: show(b) };
  if (a === null || b === null) return { ...sides, absolute: NONE, relative: NONE };
  const by = b - a;
  if (by === 0) return { ...sides, absolute: "0", relative: "0 %" };
  const sign = by > 0 ? "+" : "−";
  return {
    ...sides,
    absolute: sign + text(show(Math.abs(by))),
    // Of nothing there is no share.
    relative: a === 0 ? NONE : sign + text(share(Math.abs(by / a))),
  };
}

function timed(
  name: string,
  of: (report: Report) => Duration,
  statistics: readonly (readonly [string, keyof Duration] | undefined)[],
): Measure[] {
  return statistics.flatMap((each) => {
    if (each === undefined) return [];
    const [statistic, key] = each;
    return [
      {
        name: `${name} ${statistic}`,
        of: (report) => of(report)[key] as number | null,
        show: duration,
      },
    ];
  });
}

function counted(name: string, of: (report: Report) => number): Measure {
  return { name, of, show: whole };
}

function sum(parts: Record<string, number>): number {
  return Object.values(parts).reduce((total, n) => total + n, 0);
}

function failedRate({ accounting }: Report): number | null {
  const failed = sum(accounting.failed);
  const done = failed + accounting.succeeded;
  return done === 0 ? null : failed / done;
}

function meanRate({ run, accounting }: Report): number | null {
  const seconds = between(run.started_at, run.ended_at);
  return seconds === null || seconds <= 0 ? null : accounting.sent / seconds;
}

/** Says how long a run was, for its column's head. */
export function drivenBy({ run }: Report): string {
  return run.drivers === 1 ? "1 driver" : `${count(run.drivers)} drivers`;
}
