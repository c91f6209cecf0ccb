import type { Report } from "../../api/schema";
import { type Column, type Columns, columnsOf } from "../../charts/columns";
import type { ChartSpec, Line } from "../../charts/line";
import { thinnedWords } from "../../charts/thinnedWords";
import { endOf } from "../../live/windows";
import { duration, type Figure, rate } from "../../numbers/figure";

/** What both runs share: where a window of either begins, and a chart for each figure. */
export type Overlay = {
  seconds: number[];
  endS: number;
  specs: ChartSpec[];
  /** How wide the windows of each run are, where they are not seconds. */
  thinned: string[];
};

const US_PER_NS = 1_000;

/** Returns the charts of two runs laid over each other, both from their start; pure. */
export function overlayOf(a: Report, b: Report): Overlay {
  const of = columnsOf(a.windows, endS(a));
  const and = columnsOf(b.windows, endS(b));
  const seconds = [...new Set([...of.offset_s, ...and.offset_s])].sort((x, y) => x - y);
  const chart = (
    title: string,
    key: Exclude<keyof Columns, "offset_s" | "width_s" | "endS" | "failed_kinds">,
    show: (value: number | null) => Figure,
    atLeast: number,
  ): ChartSpec => {
    const line = (label: string, columns: Columns, colour: Line["colour"]): Line => ({
      label,
      colour,
      values: spread(columns, columns[key], seconds),
    });
    return {
      title,
      lines: [line("A", of, "run-a"), line("B", and, "run-b")],
      show,
      atLeast,
    };
  };
  return {
    seconds,
    endS: Math.max(of.endS, and.endS),
    thinned: [of, and].flatMap((columns, at) => {
      const words = thinnedWords(columns);
      return words === null ? [] : [`${"AB"[at]}: ${words}`];
    }),
    specs: [
      chart("Rate sent", "sent", rate, 0),
      chart("Failed", "failed", rate, 5),
      chart("Response time p50", "p50_ns", duration, 100 * US_PER_NS),
      chart("Response time p99", "p99_ns", duration, 100 * US_PER_NS),
    ],
  };
}

/** Returns where the windows of a report end. */
export function endS({ windows }: Report): number {
  const last = windows.at(-1);
  return last === undefined ? 0 : endOf(last);
}

/** Returns a column at other places, in order: each has the value of the window that holds it. */
function spread({ offset_s, endS: end }: Columns, column: Column, seconds: number[]): Column {
  let at = -1;
  return seconds.map((second) => {
    while ((offset_s[at + 1] ?? end) <= second && at + 1 < offset_s.length) at += 1;
    return second < end ? (column[at] ?? null) : null;
  });
}
