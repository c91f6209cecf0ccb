import type { Accounting, Duration, Report, StageFigures } from "../../api/schema";
import { count } from "../../numbers/digits";
import { inMs } from "../../numbers/figure";
import { type Column, Table } from "../../parts/Table";
import { failedTotal } from "./account";
import { Traces } from "./Traces";

/** What only the report knows: the durations in full, and the figures of each request and stage. */
export function ReportSections({ report }: { report: Report }) {
  return (
    <>
      <section className="section">
        <h2>Durations, in ms</h2>
        <Table
          caption="Durations, in ms"
          empty=""
          rows={durationsOf(report)}
          keyOf={({ name }) => name}
          columns={[
            { key: "name", head: "duration", kind: "words", cell: ({ name }) => name },
            ...durationColumns<NamedDuration>(({ figures }) => figures),
          ]}
        />
      </section>
      <section className="section">
        <h2>Requests</h2>
        <Table
          caption="Requests"
          empty=""
          rows={report.requests}
          keyOf={({ name }) => name}
          columns={[
            { key: "name", head: "request", kind: "words", cell: ({ name }) => name },
            ...accountColumns<Report["requests"][number]>(({ accounting }) => accounting),
            {
              key: "codes",
              head: "status codes",
              kind: "words",
              cell: ({ status_codes: codes }) => codesText(codes),
            },
            ...durationColumns<Report["requests"][number]>((row) => row.response_time, "brief"),
          ]}
        />
      </section>
      {report.traces && report.traces.length > 0 && <Traces traces={report.traces} />}
      {report.stages.length > 1 && (
        <section className="section">
          <h2>Stages</h2>
          <Table
            caption="Stages"
            empty=""
            rows={stagesOf(report)}
            keyOf={({ key }) => key}
            columns={[
              {
                key: "name",
                head: "stage",
                kind: "words",
                cell: ({ stage }) => `${stage.name}${stage.measured ? "" : " (warm-up)"}`,
              },
              ...accountColumns<Staged>(({ stage }) => stage.accounting),
              ...durationColumns<Staged>(({ stage }) => stage.response_time, "brief"),
            ]}
          />
        </section>
      )}
    </>
  );
}

type NamedDuration = { name: string; figures: Duration };
type Staged = { key: string; stage: StageFigures };

function durationsOf(report: Report): NamedDuration[] {
  return [
    { name: "response time", figures: report.response_time },
    { name: "of succeeded", figures: report.response_time_succeeded },
    { name: "service time", figures: report.service_time },
    { name: "wait time", figures: report.wait_time },
    { name: "lag", figures: report.lag },
    { name: "connect time", figures: report.connect_time },
  ];
}

/** Stages may have the same name, or none: their place tells them apart. */
function stagesOf(report: Report): Staged[] {
  return report.stages.map((stage, at) => ({
    key: `${at}`,
    stage: { ...stage, name: stage.name || `stage ${at + 1}` },
  }));
}

type DurationKey = Exclude<keyof Duration, "count" | "histogram">;

const FULL: readonly [DurationKey, string][] = [
  ["min_ns", "min"],
  ["mean_ns", "mean"],
  ["mode_ns", "mode"],
  ["p50_ns", "p50"],
  ["p90_ns", "p90"],
  ["p95_ns", "p95"],
  ["p99_ns", "p99"],
  ["p999_ns", "p99.9"],
  ["max_ns", "max"],
];
const BRIEF: readonly DurationKey[] = ["p50_ns", "p90_ns", "p99_ns", "max_ns"];

function durationColumns<Row>(
  of: (row: Row) => Duration,
  how: "full" | "brief" = "full",
): Column<Row>[] {
  const keys = how === "full" ? FULL : FULL.filter(([key]) => BRIEF.includes(key));
  const figures = keys.map(([key, head]) => ({
    key,
    head: how === "full" ? head : `${head} ms`,
    cell: (row: Row) => inMs(of(row)[key]),
  }));
  if (how === "brief") return figures;
  return [{ key: "count", head: "count", cell: (row: Row) => count(of(row).count) }, ...figures];
}

function accountColumns<Row>(of: (row: Row) => Accounting): Column<Row>[] {
  return [
    { key: "planned", head: "planned", cell: (row) => count(of(row).planned) },
    { key: "succeeded", head: "succeeded", cell: (row) => count(of(row).succeeded) },
    { key: "failed", head: "failed", cell: (row) => count(failedTotal(of(row))) },
  ];
}

function codesText(codes: Record<string, number>): string {
  const shown = Object.entries(codes).map(([code, n]) => `${code}: ${count(n)}`);
  return shown.length === 0 ? "–" : shown.join(", ");
}
