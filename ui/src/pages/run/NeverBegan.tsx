import type { RunView } from "../../api/schema";
import { Notice } from "../../parts/Notice";

/** Stands in the place of all figures where a run ended before its start, or none is known. */
export function NeverBegan({ view: { run, accounting } }: { view: RunView }) {
  const lost = accounting.unconfirmed > 0;
  return (
    <section className="section">
      <Notice
        kind={run.state === "FAILED" ? "failed" : "plain"}
        title={lost ? "What became of this run is not known" : "This run never began"}
      >
        {run.reason !== null && <p>{run.reason}</p>}
        <p className="soft">
          {lost
            ? "It may have sent what is unconfirmed, and there are no figures of it."
            : "Nothing was sent, so there are no figures."}
        </p>
      </Notice>
    </section>
  );
}
