import type { Freshness } from "../../live/freshness";
import { age } from "../../numbers/instant";
import "./Liveness.css";

/** Says how old what is shown is, and what is done about it. */
export function Liveness({ fresh, waits }: { fresh: Freshness; waits: string | null }) {
  const { sign, words } = said(fresh, waits);
  return (
    <p className={`liveness liveness-${fresh.kind}`} data-freshness={fresh.kind}>
      <span aria-hidden="true">{sign}</span> {words}
      <span className="unseen" role="status">
        {fresh.kind === "stale" ? "The figures shown are old." : ""}
      </span>
    </p>
  );
}

function said(fresh: Freshness, waits: string | null): { sign: string; words: string } {
  switch (fresh.kind) {
    case "opening":
      return { sign: "○", words: "connecting" };
    case "quiet":
      return { sign: "●", words: "connected" };
    case "live":
      return { sign: "●", words: `live ${age(fresh.ageS)} ago` };
    case "done":
      return { sign: "■", words: "final" };
    case "refused":
      return { sign: "✕", words: "not available" };
    case "stale": {
      const old = fresh.ageS === null ? "no data yet" : `data is ${age(fresh.ageS)} old`;
      const why = waits === null ? "no figures come" : `waits for ${waits}`;
      return { sign: "◌", words: `${fresh.why === "cut off" ? "reconnecting" : why}, ${old}` };
    }
  }
}
