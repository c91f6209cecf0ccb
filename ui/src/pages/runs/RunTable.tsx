import { Link } from "wouter";
import type { RunRow } from "../../api/schema";
import { between, clock, instant, zone } from "../../numbers/instant";
import { type Column, Table } from "../../parts/Table";
import { stateWords } from "../run/stateWords";
import "./RunTable.css";

type Props = {
  rows: readonly RunRow[];
  chosen: readonly string[];
  onChoose: (id: string) => void;
};

/** Runs, one a line: what came of each, and what can be done with it. */
export function RunTable({ rows, chosen, onChoose }: Props) {
  const choice: Column<RunRow> = {
    key: "compare",
    head: "compare",
    kind: "words",
    cell: ({ id, ended_at }) => (
      <input
        type="checkbox"
        className="run-choice"
        aria-label={`Compare ${id}`}
        disabled={ended_at === null}
        checked={chosen.includes(id)}
        onChange={() => onChoose(id)}
      />
    ),
  };
  return (
    <Table
      caption="Runs"
      columns={[...NAMED, choice, ...MORE]}
      rows={rows}
      keyOf={({ id }) => id}
      empty="There are no runs."
    />
  );
}

const NAMED: readonly Column<RunRow>[] = [
  {
    key: "name",
    head: "run",
    kind: "words",
    cell: ({ id, name }) => (
      <Link href={`/runs/${id}`} title={id}>
        {name}
      </Link>
    ),
  },
  {
    key: "state",
    head: "state",
    kind: "words",
    cell: ({ state }) => {
      const { sign, means, tone } = stateWords(state);
      return (
        <span className={`run-state-${tone}`} title={means}>
          <span aria-hidden="true">{sign}</span> {state}
        </span>
      );
    },
  },
  {
    key: "verdict",
    head: "verdict",
    kind: "words",
    cell: ({ passed }) => {
      if (passed === null) return "–";
      return passed ? "✓ passed" : <span className="run-state-bad">✕ not passed</span>;
    },
  },
];

const MORE: readonly Column<RunRow>[] = [
  {
    key: "started",
    head: "submitted",
    title: `In ${zone()}`,
    kind: "words",
    cell: ({ created_at }) => <time dateTime={created_at}>{instant(created_at)}</time>,
  },
  {
    key: "took",
    head: "took",
    title: "From its start to its end",
    cell: ({ started_at, ended_at }) => {
      const seconds = between(started_at, ended_at);
      return seconds === null ? "–" : clock(seconds);
    },
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
  { key: "id", head: "id", kind: "words", cell: ({ id }) => <span className="mono">{id}</span> },
  {
    key: "again",
    head: "again",
    kind: "words",
    cell: ({ id }) => (
      <Link href={`/new?from=${encodeURIComponent(id)}`} title={`Start ${id} again, with changes`}>
        start again …
      </Link>
    ),
  },
];
