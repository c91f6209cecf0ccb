import type { Report } from "../../api/schema";
import { type Column, type Columns, columnsOf } from "../../charts/columns";
import type { ChartSpec, Line } from "../../charts/line";
import { duration, type Figure, rate } from "../../numbers/figure";

/** What both runs share: the seconds of the longer one, and a chart for each figure. */
export type Overlay = { seconds: number[]; specs: ChartSpec[] };

const US_PER_NS = 1_000;

/** Returns the charts of two runs laid over each other, both from their start; pure. */
export function overlayOf(a: Report, b: Report): Overlay {
  const length = Math.max(a.windows.length, b.windows.length);
  const of = columnsOf(a.windows, a.windows.length);
  const and = columnsOf(b.windows, b.windows.length);
  const chart = (
    title: string,
    key: Exclude<keyof Columns, "offset_s" | "failed_kinds">,
    show: (value: number | null) => Figure,
    atLeast: number,
  ): ChartSpec => {
    const line = (label: string, column: Column, colour: Line["colour"]): Line => ({
      label,
      colour,
      values: Array.from({ length }, (_, second) => column[second] ?? null),
    });
    return {
      title,
      lines: [line("A", of[key], "run-a"), line("B", and[key], "run-b")],
      show,
      atLeast,
    };
  };
  return {
    seconds: Array.from({ length }, (_, second) => second),
    specs: [
      chart("Rate sent", "sent", rate, 0),
      chart("Failed", "failed", rate, 5),
      chart("Response time p50", "p50_ns", duration, 100 * US_PER_NS),
      chart("Response time p99", "p99_ns", duration, 100 * US_PER_NS),
    ],
  };
}
