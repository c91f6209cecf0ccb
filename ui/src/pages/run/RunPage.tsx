import { memo, useMemo } from "react";
import { Link } from "wouter";
import { useResource } from "../../api/resource";
import type { Report, RunView } from "../../api/schema";
import { columnsOf } from "../../charts/columns";
import type { LiveRun } from "../../live/run";
import type { Known } from "../../live/store";
import { useRun } from "../../live/useRun";
import { endOf } from "../../live/windows";
import { Failure } from "../../parts/Failure";
import { Frame } from "../../parts/Frame";
import { Notice } from "../../parts/Notice";
import { AccountStrip } from "./AccountStrip";
import { BigNumbers } from "./BigNumbers";
import { Doubts } from "./Doubts";
import { Drivers } from "./Drivers";
import { EventLog } from "./EventLog";
import { finalView } from "./finalView";
import { Headline } from "./Headline";
import { Liveness } from "./Liveness";
import { NeverBegan } from "./NeverBegan";
import { ReportSections } from "./ReportSections";
import { RunCharts } from "./RunCharts";
import { StatusCodes } from "./StatusCodes";
import { Thresholds } from "./Thresholds";
import { useFreshness } from "./useFreshness";
import "./RunPage.css";

/** A run, from its queue to its report. */
export function RunPage({ runId }: { runId: string }) {
  const known = useRun(runId);
  // One look for the top line and for what stands below it: they never contradict each other.
  const fresh = useFreshness(known);
  const name = known.run.view?.run.name ?? runId;
  const waits = known.run.view?.run.waiting_for ?? null;
  return (
    <Frame title={name} aside={<Liveness fresh={fresh} waits={waits} />}>
      {known.link.status === "refused" || known.run.view === null ? (
        <div className="run-unseen">
          <h1>{name}</h1>
          {known.link.status === "refused" ? (
            <Refused runId={runId} known={known} />
          ) : (
            <Opening known={known} />
          )}
        </div>
      ) : (
        <Shown known={known} stale={fresh.kind === "stale"} />
      )}
    </Frame>
  );
}

function Refused({ runId, known: { link } }: { runId: string; known: Known }) {
  if (link.error?.status === 404) {
    return (
      <Notice kind="plain" title={`There is no run ${runId}`} urgent>
        <p>
          It is neither under way nor in the archive. <Link href="/runs">All runs</Link> are listed.
        </p>
      </Notice>
    );
  }
  return link.error && <Failure error={link.error} onRetry={() => window.location.reload()} />;
}

function Opening({ known: { link } }: { known: Known }) {
  if (link.status === "broken" && link.error !== null) return <Failure error={link.error} />;
  return <p className="soft">Opening the run …</p>;
}

const NONE: RunView["events"] = [];

/** What is known of the run; drawn anew when that changes, not at each look at its age. */
const Shown = memo(function Shown({ known, stale }: { known: Known; stale: boolean }) {
  const { run, link } = known;
  const report = useResource<Report>(
    run.ended && run.view !== null ? `/runs/${encodeURIComponent(run.view.run.id)}/report` : null,
  );
  const { view, windows } = useMemo(() => shownOf(run, report.data), [run, report.data]);
  // The newest second that is over; what comes after it is still being reported.
  const newest = run.ended ? windows.at(-1) : view?.window;
  const endS = newest ? endOf(newest) : 0;
  const columns = useMemo(() => columnsOf(windows, endS), [windows, endS]);
  if (view === null) return null;
  const unsent = run.ended && view.run.started_at === null;
  return (
    <div className={stale ? "run run-stale" : "run"}>
      <Headline view={view} windows={windows} ended={run.ended} link={link} />
      {unsent ? (
        <NeverBegan view={view} />
      ) : (
        <>
          <BigNumbers view={view} windows={windows} ended={run.ended} />
          <Doubts view={view} ended={run.ended} />
          <RunCharts
            columns={columns}
            ended={run.ended}
            // Before the start there is no time axis on which anything could have its place.
            events={view.run.started_at === null ? NONE : view.events}
          />
        </>
      )}
      <AccountStrip accounting={view.accounting} ended={run.ended} />
      <Thresholds view={view} />
      <Drivers view={view} known={known} report={report.data} />
      {!unsent && <StatusCodes codes={view.status_codes} />}
      {report.data !== null && !unsent && <ReportSections report={report.data} />}
      {report.error !== null && <Failure error={report.error} onRetry={report.reload} />}
      <EventLog
        events={view.events}
        since={view.run.started_at === null ? "its submission" : "the start"}
      />
    </div>
  );
});

/** What was heard live, until there is a report. */
function shownOf(run: LiveRun, report: Report | null): Pick<LiveRun, "view" | "windows"> {
  if (run.view === null || report === null) return run;
  return { view: finalView(run.view, report), windows: report.windows };
}
