import { useState } from "react";
import { useResource } from "../../api/resource";
import type { DriverList, Report, RunView } from "../../api/schema";
import type { Known } from "../../live/store";
import { count } from "../../numbers/digits";
import { inMs, offset, rate, share, text } from "../../numbers/figure";
import { age } from "../../numbers/instant";
import { type Column, Table } from "../../parts/Table";
import { DriverDetail } from "./DriverDetail";
import { driverRows, type Row } from "./driverRows";
import { driverState } from "./driverState";
import "./Drivers.css";

const ASK_EVERY_MS = 1_000;

type Props = { view: RunView; known: Known; report: Report | null };

/** The drivers of a run, each with its figures; a click shows one of them in detail. */
export function Drivers({ view, known, report }: Props) {
  const { tracks, ended, figuresAtMs } = known.run;
  const [open, setOpen] = useState<string | null>(null);
  const fleet = useResource<DriverList>(ended ? null : "/drivers", ASK_EVERY_MS);
  const rows = driverRows(view.drivers, fleet.data?.drivers ?? [], tracks, figuresAtMs ?? 0);
  const shown = rows.find(({ driver }) => driver.driver_id === open);
  const columns = ended
    ? [...NAMED, ...account(report), ...FIGURES]
    : [...NAMED, ...NOW, ...FIGURES, ...HEARD];
  return (
    <section className="section">
      <h2>Drivers</h2>
      <Table
        caption="Drivers"
        empty={ended ? "No driver took part." : "No driver has reported anything yet."}
        rows={rows}
        keyOf={({ driver }) => driver.driver_id}
        onOpen={(key) => setOpen(key === open ? null : key)}
        open={open}
        bounded
        columns={columns}
      />
      {shown && (
        <DriverDetail
          row={shown}
          track={tracks.get(shown.driver.driver_id) ?? []}
          run={view.run}
          wallAheadMs={known.link.wallAheadMs}
          onClose={() => setOpen(null)}
        />
      )}
    </section>
  );
}

const NAMED: readonly Column<Row>[] = [
  { key: "driver", head: "driver", kind: "words", cell: ({ driver }) => driver.driver_id },
];

const NOW: readonly Column<Row>[] = [
  {
    key: "state",
    head: "state",
    kind: "words",
    cell: ({ heard }) => {
      const { sign, word, bad } = driverState(heard);
      return (
        <span className={bad ? "drivers-bad" : undefined} data-driver-state={word}>
          <span aria-hidden="true">{sign}</span> {word}
        </span>
      );
    },
  },
  {
    key: "rate",
    head: "rate",
    title: "sent per second, over the last three seconds",
    cell: ({ ratePerS }) => text(rate(ratePerS)),
  },
];

const FIGURES: readonly Column<Row>[] = [
  {
    key: "min",
    head: "min ms",
    title: "response time since the start of the run",
    cell: ({ driver }) => inMs(driver.response_time.min_ns),
  },
  { key: "mean", head: "mean", cell: ({ driver }) => inMs(driver.response_time.mean_ns) },
  { key: "median", head: "median", cell: ({ driver }) => inMs(driver.response_time.p50_ns) },
  { key: "mode", head: "mode", cell: ({ driver }) => inMs(driver.response_time.mode_ns) },
  { key: "p99", head: "p99", cell: ({ driver }) => inMs(driver.response_time.p99_ns) },
  { key: "max", head: "max ms", cell: ({ driver }) => inMs(driver.response_time.max_ns) },
  {
    key: "lag",
    head: "lag p99 ms",
    title: "the driver's own lateness",
    cell: ({ driver }) => inMs(driver.lag.p99_ns),
  },
  {
    key: "cpu",
    head: "cpu",
    title: "share of one core",
    cell: ({ driver }) => text(share(driver.cpu)),
  },
  {
    key: "clock",
    head: "clock",
    title: "how far its clock is from the orchestrator's",
    cell: ({ driver }) => text(offset(driver.clock_offset_ns)),
  },
  {
    key: "skew",
    head: "start skew",
    title: "how much later than the set instant it began",
    cell: ({ driver }) => text(offset(driver.start_skew_ns)),
  },
];

const HEARD: readonly Column<Row>[] = [
  {
    key: "heard",
    head: "heard",
    title: "when its last heartbeat came",
    cell: ({ heard }) => (heard === null ? "–" : `${age(heard.heard_ago_s)} ago`),
  },
];

/** What became of each driver's share, as the report says it. */
function account(report: Report | null): Column<Row>[] {
  const figures = new Map(report?.drivers.map((row) => [row.driver_id, row.accounting]));
  const of = ({ driver }: Row) => figures.get(driver.driver_id);
  const failed = (row: Row) =>
    Object.values(of(row)?.failed ?? {}).reduce<number | null>((sum, n) => (sum ?? 0) + n, null);
  return [
    { key: "planned", head: "planned", cell: (row) => count(of(row)?.planned ?? null) },
    { key: "succeeded", head: "succeeded", cell: (row) => count(of(row)?.succeeded ?? null) },
    { key: "failed", head: "failed", cell: (row) => count(failed(row)) },
    { key: "unconfirmed", head: "unconf.", cell: (row) => count(of(row)?.unconfirmed ?? null) },
  ];
}
