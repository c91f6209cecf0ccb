import type { Columns } from "../../charts/columns";
import type { ChartSpec, Line } from "../../charts/line";
import { FAILED } from "../../charts/theme";
import { duration, rate, whole } from "../../numbers/figure";

/** The charts of a run, from what is asked first to what is asked last. */
export type RunSpecs = Record<
  "rate" | "response" | "lag" | "errors" | "inFlight" | "drivers",
  ChartSpec
>;

const US_PER_NS = 1_000;

/** Returns what each chart of a run shows; pure. */
export function specsOf(columns: Columns, log: boolean): RunSpecs {
  return {
    rate: {
      title: "Rate",
      lines: [
        { label: "planned", colour: "planned", values: columns.planned, style: "thin" },
        { label: "sent", colour: "sent", values: columns.sent },
      ],
      show: rate,
      gap: true,
    },
    response: {
      title: "Response time",
      lines: [
        { label: "p50", colour: "p50", values: columns.p50_ns },
        { label: "p90", colour: "p90", values: columns.p90_ns },
        { label: "p99", colour: "p99", values: columns.p99_ns },
        { label: "max", colour: "max", values: columns.max_ns, style: "dotted" },
      ],
      show: duration,
      log,
      atLeast: 100 * US_PER_NS,
    },
    lag: {
      title: "Lag",
      lines: [{ label: "p99", colour: "lag", values: columns.lag_p99_ns }],
      show: duration,
      atLeast: 1_000 * US_PER_NS,
    },
    errors: {
      title: "Not as planned",
      lines: [
        ...failedLines(columns),
        { label: "dropped", colour: "dropped", values: columns.dropped },
        { label: "missed", colour: "missed", values: columns.missed },
      ],
      show: rate,
      stacked: true,
      atLeast: 5,
    },
    inFlight: {
      title: "In flight",
      lines: [{ label: "at the second's end", colour: "level", values: columns.in_flight }],
      show: whole,
      atLeast: 4,
    },
    drivers: {
      title: "Drivers",
      lines: [{ label: "heard", colour: "level", values: columns.drivers }],
      show: whole,
      atLeast: 2,
    },
  };
}

/** What failed, one line a kind; there are fewer reds than kinds, so they are given out in turn. */
function failedLines({ failed_kinds }: Columns): Line[] {
  return failed_kinds.map(({ kind, values }, at) => ({
    label: kind === null ? "failed" : `failed ${kind}`,
    colour: FAILED[at % FAILED.length] ?? "failed",
    values,
  }));
}
