import type { PodRow } from "../../api/schema";
import { count } from "../../numbers/digits";
import { instant, zone } from "../../numbers/instant";
import { type Column, Table } from "../../parts/Table";

/** The pods of the drivers, and why one is not coming. */
export function Pods({ pods }: { pods: readonly PodRow[] }) {
  return (
    <section className="section">
      <h2>Pods</h2>
      <Table
        caption="Pods"
        columns={COLUMNS}
        rows={pods}
        keyOf={({ name }) => name}
        empty="There are no pods of drivers."
      />
    </section>
  );
}

const COLUMNS: readonly Column<PodRow>[] = [
  { key: "pod", head: "pod", kind: "words", cell: ({ name }) => name },
  { key: "state", head: "state", kind: "words", cell: (pod) => stateOf(pod) },
  { key: "node", head: "node", kind: "words", cell: ({ node }) => node ?? "–" },
  {
    key: "drivers",
    head: "drivers heard",
    kind: "words",
    cell: ({ drivers }) => (drivers.length === 0 ? "none" : drivers.join(", ")),
  },
  { key: "restarts", head: "restarts", cell: ({ restarts }) => count(restarts) },
  {
    key: "created",
    head: "created",
    title: `In ${zone()}`,
    kind: "words",
    cell: ({ created_at }) => instant(created_at),
  },
  {
    key: "reason",
    head: "reason",
    kind: "prose",
    cell: ({ reason, message }) => {
      if (reason === null) return "";
      return (
        <>
          <strong>{reason}</strong>
          {message !== null && `: ${message}`}
        </>
      );
    },
  },
];

function stateOf({ ready, terminating, phase }: PodRow) {
  if (terminating) return "▽ going";
  return ready ? "● ready" : <span className="fleet-bad">○ {phase.toLowerCase()}</span>;
}
