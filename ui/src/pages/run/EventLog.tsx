import type { FleetEvent } from "../../api/schema";
import { age } from "../../numbers/instant";
import { Table } from "../../parts/Table";

/** Everything that happened to the run and its fleet, in words; times are relative to `since`. */
export function EventLog({ events, since }: { events: readonly FleetEvent[]; since: string }) {
  const rows = events.map((event, at) => ({ ...event, key: `${at}` }));
  return (
    <section className="section">
      <h2>What happened</h2>
      <Table
        caption="What happened"
        empty="Nothing yet."
        rows={rows}
        keyOf={({ key }) => key}
        columns={[
          {
            key: "at",
            head: `from ${since}`,
            kind: "words",
            cell: ({ offset_s }) => at(offset_s),
          },
          { key: "kind", head: "what", kind: "words", cell: ({ kind }) => kind.replace("_", " ") },
          { key: "text", head: "in words", kind: "prose", cell: ({ text }) => text },
        ]}
      />
    </section>
  );
}

function at(offsetS: number): string {
  return offsetS < 0 ? `−${age(-offsetS)}` : `+${age(offsetS)}`;
}
