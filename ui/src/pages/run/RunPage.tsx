import { useMemo } from "react";
import { Link } from "wouter";
import { useResource } from "../../api/resource";
import type { Report } from "../../api/schema";
import { columnsOf } from "../../charts/columns";
import type { LiveRun } from "../../live/run";
import type { Known } from "../../live/store";
import { useRun } from "../../live/useRun";
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
import { ReportSections } from "./ReportSections";
import { RunCharts } from "./RunCharts";
import { StatusCodes } from "./StatusCodes";
import { Thresholds } from "./Thresholds";
import { useStale } from "./useStale";
import "./RunPage.css";

/** A run, from its queue to its report. */
export function RunPage({ runId }: { runId: string }) {
  const known = useRun(runId);
  const name = known.run.view?.run.name ?? runId;
  return (
    <Frame title={name} aside={<Liveness known={known} />}>
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
        <Shown known={known} />
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

function Shown({ known }: { known: Known }) {
  const { run, link } = known;
  const stale = useStale(known);
  const report = useResource<Report>(
    run.ended && run.view !== null ? `/runs/${encodeURIComponent(run.view.run.id)}/report` : null,
  );
  const { view, windows } = useMemo(() => shownOf(run, report.data), [run, report.data]);
  // The newest second that is over; what comes after it is still being reported.
  const endS = run.ended ? windows.length : (view?.window?.offset_s ?? -1) + 1;
  const columns = useMemo(() => columnsOf(windows, endS), [windows, endS]);
  if (view === null) return null;
  return (
    <div className={stale ? "run run-stale" : "run"}>
      <Headline view={view} windows={windows} ended={run.ended} link={link} />
      <BigNumbers view={view} windows={windows} ended={run.ended} />
      <Doubts view={view} ended={run.ended} />
      <RunCharts columns={columns} events={view.events} />
      <AccountStrip accounting={view.accounting} ended={run.ended} />
      <Thresholds view={view} />
      <Drivers view={view} known={known} report={report.data} />
      <StatusCodes codes={view.status_codes} />
      {report.data !== null && <ReportSections report={report.data} />}
      {report.error !== null && <Failure error={report.error} onRetry={report.reload} />}
      <EventLog events={view.events} />
    </div>
  );
}

/** What was heard live, until there is a report. */
function shownOf(run: LiveRun, report: Report | null): Pick<LiveRun, "view" | "windows"> {
  if (run.view === null || report === null) return run;
  return { view: finalView(run.view, report), windows: report.windows };
}
