import type { Trace } from "../../api/schema";
import { count } from "../../numbers/digits";
import { inMs } from "../../numbers/figure";
import { Table } from "../../parts/Table";

/** The slowest of the requests that carried trace context: what to look up where traces are kept. */
export function Traces({ traces }: { traces: readonly Trace[] }) {
  return (
    <section className="section">
      <h2>Slowest traces</h2>
      <Table
        caption="Slowest traces"
        empty=""
        rows={traces}
        keyOf={({ trace_id: id }) => id}
        columns={[
          { key: "id", head: "trace id", kind: "words", cell: ({ trace_id: id }) => id },
          { key: "response", head: "response ms", cell: (row) => inMs(row.response_ns) },
          {
            key: "answer",
            head: "answer",
            title: "the status code, or why there was none",
            kind: "words",
            cell: ({ status, outcome }) => status ?? outcome,
          },
          { key: "request", head: "request", kind: "words", cell: ({ request }) => request },
          { key: "driver", head: "driver", kind: "words", cell: (row) => row.driver_id },
          {
            key: "due",
            head: "due, s",
            title: "when it was to be sent, in run time",
            cell: (row) => row.offset_s.toFixed(3),
          },
          { key: "index", head: "index", cell: ({ index }) => count(index) },
        ]}
      />
    </section>
  );
}
