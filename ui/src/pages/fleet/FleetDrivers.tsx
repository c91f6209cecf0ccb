import { Link } from "wouter";
import type { ApiError } from "../../api/problem";
import type { DriverRow } from "../../api/schema";
import { count } from "../../numbers/digits";
import { duration, offset, share, text } from "../../numbers/figure";
import { age } from "../../numbers/instant";
import { Failure } from "../../parts/Failure";
import { type Column, Table } from "../../parts/Table";

type Props = { drivers: readonly DriverRow[] | null; error: ApiError | null };

/** Every driver that was heard, and how it is. */
export function FleetDrivers({ drivers, error }: Props) {
  return (
    <section className="section">
      <h2>Drivers</h2>
      {drivers === null ? (
        error === null ? (
          <p className="soft">Listening for drivers …</p>
        ) : (
          <Failure error={error} />
        )
      ) : (
        <Table
          caption="Drivers"
          columns={COLUMNS}
          rows={drivers}
          keyOf={({ driver_id }) => driver_id}
          empty="No driver has been heard. Whoever starts one sees it here within seconds."
        />
      )}
    </section>
  );
}

type State = DriverRow["state"];

const STATES: Record<State, { sign: string; means: string; bad: boolean }> = {
  idle: { sign: "●", means: "ready, holds no work", bad: false },
  working: { sign: "▶", means: "holds work of a run", bad: false },
  deaf: { sign: "◌", means: "not heard for 1.5 s, or does not hear the orchestrator", bad: true },
  leaving: { sign: "▽", means: "said that it goes", bad: false },
  lost: { sign: "✕", means: "not heard for 3 s; its work went to others", bad: true },
};

const COLUMNS: readonly Column<DriverRow>[] = [
  { key: "driver", head: "driver", kind: "words", cell: ({ driver_id }) => driver_id },
  {
    key: "state",
    head: "state",
    kind: "words",
    cell: ({ state }) => {
      const { sign, means, bad } = STATES[state];
      return (
        <span title={means} className={bad ? "fleet-bad" : undefined}>
          <span aria-hidden="true">{sign}</span> {state}
        </span>
      );
    },
  },
  {
    key: "run",
    head: "run",
    kind: "words",
    cell: ({ run_id }) => (run_id === null ? "–" : <Link href={`/runs/${run_id}`}>{run_id}</Link>),
  },
  { key: "inFlight", head: "in flight", cell: ({ in_flight }) => count(in_flight) },
  { key: "cpu", head: "cpu", title: "Share of one core", cell: ({ cpu }) => text(share(cpu)) },
  {
    key: "lag",
    head: "lag p99",
    title: "How late it sends",
    cell: ({ lag_p99_ns }) => text(duration(lag_p99_ns)),
  },
  {
    key: "clock",
    head: "clock",
    title: "By how much its clock is ahead of the orchestrator's",
    cell: ({ clock_offset_ns }) => text(offset(clock_offset_ns)),
  },
  { key: "heard", head: "heard", cell: ({ heard_ago_s }) => `${age(heard_ago_s)} ago` },
  {
    key: "cores",
    head: "cores",
    cell: ({ cpu_count }) => (cpu_count === null ? "–" : count(cpu_count)),
  },
  { key: "version", head: "version", kind: "words", cell: ({ version }) => version ?? "–" },
  {
    key: "address",
    head: "address",
    kind: "words",
    cell: ({ address }) => <span className="mono">{address ?? "–"}</span>,
  },
  {
    key: "labels",
    head: "labels",
    kind: "words",
    cell: ({ labels }) => (
      <span className="mono">
        {Object.entries(labels)
          .map(([key, value]) => `${key}=${value}`)
          .join(" ")}
      </span>
    ),
  },
];
