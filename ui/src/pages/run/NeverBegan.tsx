import type { RunView } from "../../api/schema";
import { Notice } from "../../parts/Notice";

/** Stands in the place of all figures where a run ended before its start. */
export function NeverBegan({ view: { run } }: { view: RunView }) {
  return (
    <section className="section">
      <Notice kind={run.state === "FAILED" ? "failed" : "plain"} title="This run never began">
        {run.reason !== null && <p>{run.reason}</p>}
        <p className="soft">Nothing was sent, so there are no figures.</p>
      </Notice>
    </section>
  );
}
