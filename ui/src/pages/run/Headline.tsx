import { Link } from "wouter";
import type { RunView, Window } from "../../api/schema";
import type { Link as LiveLink } from "../../live/freshness";
import { useNow } from "../../live/useNow";
import { count } from "../../numbers/digits";
import { between, clock, instant, zone } from "../../numbers/instant";
import { lengthS, loadWords } from "./load";
import { Orders } from "./Orders";
import { isUnderWay, stateWords } from "./stateWords";
import { Verdict } from "./Verdict";
import "./Headline.css";

type Props = {
  view: RunView;
  windows: readonly Window[];
  ended: boolean;
  link: LiveLink;
};

/** What runs, where it is, how far it is, and what can be done about it. */
export function Headline({ view, windows, ended, link }: Props) {
  const { run, accounting } = view;
  const { sign, means, tone } = stateWords(run.state);
  const drivers = run.drivers > 0 ? run.drivers : null;
  return (
    <header className="headline">
      <div className="headline-first">
        <h1>{run.name}</h1>
        <p className={`headline-state headline-${tone}`} title={means}>
          <span aria-hidden="true">{sign}</span> <strong data-state={run.state}>{run.state}</strong>
          {run.stopped && !ended && <span className="soft"> stopped by hand</span>}
        </p>
        <Progress view={view} windows={windows} ended={ended} link={link} />
        <div className="headline-orders no-print">
          {isUnderWay(run.state) && !ended ? <Orders run={run} /> : <AfterEnd view={view} />}
        </div>
      </div>
      {run.waiting_for !== null && (
        <p className="headline-waits">
          <span aria-hidden="true">⚠</span> Waits for {run.waiting_for}: nothing is sent until it
          answers again.
        </p>
      )}
      {ended && <Verdict view={view} />}
      <p className="headline-load soft">
        {loadWords(run.plan, drivers)} · {driversWords(drivers, ended)} ·{" "}
        <span className="mono">{run.plan.target}</span> · {count(accounting.planned)} planned
      </p>
      {run.plan.description !== undefined && run.plan.description !== "" && (
        <p className="headline-description">{run.plan.description}</p>
      )}
      <p className="headline-facts soft">
        <span className="mono">{run.id}</span>
        {Object.entries(run.labels).map(([key, value]) => (
          <span key={key} className="headline-label">
            {key}={value}
          </span>
        ))}
        <span title={zone()}>
          {run.started_at === null
            ? `submitted ${instant(run.created_at)}`
            : `started ${instant(run.started_at)}`}
          {run.ended_at !== null && `, ended ${instant(run.ended_at)}`} ({zone()})
        </span>
      </p>
    </header>
  );
}

function driversWords(drivers: number | null, ended: boolean): string {
  if (drivers === null) return ended ? "no drivers" : "drivers not yet known";
  return drivers === 1 ? "1 driver" : `${count(drivers)} drivers`;
}

function AfterEnd({ view: { run } }: { view: RunView }) {
  return (
    <>
      <Link
        className="button button-plain"
        href={`/new?from=${encodeURIComponent(run.id)}`}
        title="Prepares a new run with this plan, to be changed before it is started"
      >
        Start again …
      </Link>
      <a
        className="button button-plain"
        href={`/api/v1/runs/${encodeURIComponent(run.id)}/report`}
        download={`${run.id}.json`}
      >
        Download report.json
      </a>
    </>
  );
}

/** How far the run is: the countdown to its start, then time and work done of what is planned. */
function Progress({ view, windows, ended, link }: Props) {
  const { run, accounting } = view;
  const untilStart = useCountdown(run.started_at, link.wallAheadMs, windows.length > 0 || ended);
  if (untilStart !== null) {
    return (
      <p className="headline-time" data-countdown>
        starts in {untilStart.toFixed(1)} s
      </p>
    );
  }
  const planned = accounting.planned;
  const toCome = "to_come" in accounting ? accounting.to_come : 0;
  const share = planned === 0 ? 0 : (planned - toCome) / planned;
  const total = lengthS(run.plan);
  const elapsed = ended ? between(run.started_at, run.ended_at) : (view.window?.offset_s ?? -1) + 1;
  return (
    <>
      <p className="headline-time">
        {clock(elapsed ?? 0)}
        {total !== null && <span className="soft"> / {clock(total)}</span>}
      </p>
      {!ended && (
        <progress
          className="headline-progress"
          max={1}
          value={share}
          aria-label={`${Math.floor(share * 100)} % of what is planned has an outcome`}
        />
      )}
    </>
  );
}

/** Returns the seconds until the start, null once it is over or while it is not set. */
function useCountdown(
  startedAt: string | null,
  wallAheadMs: number,
  begun: boolean,
): number | null {
  const nowMs = useNow(startedAt === null || begun ? null : 100);
  if (startedAt === null || begun) return null;
  const left = (Date.parse(startedAt) - (nowMs + wallAheadMs)) / 1000;
  return left > 0 ? left : null;
}
