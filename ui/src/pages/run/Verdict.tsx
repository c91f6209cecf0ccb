import type { RunView } from "../../api/schema";
import "./Verdict.css";

/** Says how a run that has ended came out, in a word and a sign. */
export function Verdict({ view: { run, verdict, degraded } }: { view: RunView }) {
  const passed = verdict?.passed ?? null;
  const failed = verdict?.thresholds.filter((each) => !each.passed).length ?? 0;
  return (
    <p className={passed === false ? "verdict verdict-failed" : "verdict"}>
      {passed === null ? (
        <span>ended {run.state}; the verdict is on its way</span>
      ) : passed ? (
        <strong>✓ passed{degraded.length > 0 ? ", with doubts" : ""}</strong>
      ) : (
        <strong>✕ not passed</strong>
      )}
      {run.reason !== null && run.started_at !== null && <span>{run.reason}</span>}
      {failed > 0 && (
        <span>
          {failed === 1 ? "one threshold does not hold" : `${failed} thresholds do not hold`}
        </span>
      )}
    </p>
  );
}
