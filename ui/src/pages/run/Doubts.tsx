import type { RunView } from "../../api/schema";
import { Notice } from "../../parts/Notice";
import "./Doubts.css";

/** The reasons not to trust a run, in words; nothing where there is none. */
export function Doubts({ view: { degraded }, ended }: { view: RunView; ended: boolean }) {
  if (degraded.length === 0) return null;
  const title = ended ? "Before you trust these figures" : "Before you trust these figures, so far";
  return (
    <section className="doubts" aria-label={title}>
      <Notice kind="degraded" title={title}>
        <ul>
          {degraded.map(({ reason, text }) => (
            <li key={reason} data-reason={reason}>
              {text}
            </li>
          ))}
        </ul>
      </Notice>
    </section>
  );
}
