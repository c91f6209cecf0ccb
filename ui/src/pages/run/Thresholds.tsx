import type { RunView } from "../../api/schema";
import { FigureText } from "../../parts/FigureText";
import { Table } from "../../parts/Table";
import { thresholdValue } from "./threshold";

/** The plan's thresholds, and whether they hold; nothing where the plan has none. */
export function Thresholds({ view: { run, verdict } }: { view: RunView }) {
  const expressions = run.plan.thresholds ?? [];
  if (expressions.length === 0) return null;
  return (
    <section className="section run-narrow">
      <h2>Thresholds</h2>
      {verdict === null ? (
        <ul className="thresholds-open">
          {expressions.map((expression) => (
            <li key={expression}>
              <code>{expression}</code> <span className="soft">judged when the run has ended</span>
            </li>
          ))}
        </ul>
      ) : (
        <Table
          caption="Thresholds"
          empty="The plan has none."
          rows={verdict.thresholds}
          keyOf={({ expression }) => expression}
          columns={[
            {
              key: "expression",
              head: "threshold",
              kind: "words",
              cell: ({ expression }) => <code>{expression}</code>,
            },
            {
              key: "value",
              head: "found",
              cell: (row) => <FigureText figure={thresholdValue(row)} />,
            },
            {
              key: "passed",
              head: "verdict",
              kind: "words",
              cell: ({ passed }) =>
                passed ? (
                  <span>✓ holds</span>
                ) : (
                  <strong className="thresholds-failed">✕ does not hold</strong>
                ),
            },
          ]}
        />
      )}
    </section>
  );
}
