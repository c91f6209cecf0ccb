import type { DriverFigures, LiveDriver, Report, RunView } from "../../api/schema";

/** Returns the view of a run that has ended as its report has it; pure.
 *
 * Whoever watched the end has seen figures that were not final: the last snapshots come after it,
 * and the verdict is made with the report. */
export function finalView(view: RunView, report: Report): RunView {
  const { run, accounting, verdict, drivers, windows, stages: _s, requests: _r, ...rest } = report;
  const { version: _v, ...figures } = rest;
  return {
    ...view,
    ...figures,
    run: { ...run, waiting_for: null },
    accounting: { ...accounting, to_come: 0 },
    window: windows.at(-1) ?? null,
    drivers: drivers.map(driverOf),
    degraded: verdict.degraded,
    verdict,
  };
}

function driverOf(row: DriverFigures): LiveDriver {
  const { accounting, ...figures } = row;
  const { succeeded, failed, dropped, missed, sent } = accounting;
  const kinds = [failed, dropped, missed].flatMap((part) => Object.values(part));
  return {
    ...figures,
    reported: kinds.reduce((sum, n) => sum + n, succeeded),
    sent,
    in_flight: 0,
    last_window: null,
  };
}
