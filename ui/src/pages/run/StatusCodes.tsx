import { count } from "../../numbers/digits";
import { share, text } from "../../numbers/figure";
import { Table } from "../../parts/Table";

/** How often each status code was answered. */
export function StatusCodes({ codes }: { codes: Record<string, number> }) {
  const rows = Object.entries(codes).map(([code, n]) => ({ code, n }));
  const all = rows.reduce((sum, { n }) => sum + n, 0);
  return (
    <section className="section run-narrow">
      <h2>Status codes</h2>
      <Table
        caption="Status codes"
        empty="Nothing has been answered yet."
        rows={rows}
        keyOf={({ code }) => code}
        columns={[
          { key: "code", head: "status", kind: "words", cell: ({ code }) => code },
          { key: "n", head: "answers", cell: ({ n }) => count(n) },
          { key: "share", head: "of all", cell: ({ n }) => text(share(n / all)) },
        ]}
      />
    </section>
  );
}
