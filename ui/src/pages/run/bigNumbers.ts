import type { RunView, Window } from "../../api/schema";
import { count } from "../../numbers/digits";
import { duration, type Figure, rate, share, text, whole } from "../../numbers/figure";
import { between } from "../../numbers/instant";
import { failedTotal } from "./account";

/** A number of the top row, and a line below it that says what to hold it against. */
export type BigNumber = { name: string; figure: Figure; beside: string; bad?: boolean };

/** Returns the five numbers; pure.
 *
 * While a run is under way rate and response are those of its newest second that is over; once it
 * has ended, of the whole run. */
export function bigNumbers(view: RunView, windows: readonly Window[], ended: boolean): BigNumber[] {
  return ended ? final(view, windows) : [...now(view), failed(view), inFlight(view)];
}

function now({ window, response_time: soFar }: RunView): BigNumber[] {
  return [
    {
      name: "rate",
      figure: rate(window?.sent ?? null),
      beside: window ? `of ${count(window.planned)} /s planned` : "nothing sent yet",
    },
    {
      name: "response p50",
      figure: duration(window?.p50_ns ?? null),
      beside: `so far ${text(duration(soFar.p50_ns))}`,
    },
    {
      name: "response p99",
      figure: duration(window?.p99_ns ?? null),
      beside: `so far ${text(duration(soFar.p99_ns))}, max ${text(duration(soFar.max_ns))}`,
    },
  ];
}

function failed({ accounting }: RunView): BigNumber {
  const n = failedTotal(accounting);
  const done = n + accounting.succeeded;
  return {
    name: "failed",
    figure: share(done === 0 ? null : n / done),
    beside: `${count(n)} of ${count(done)}`,
    bad: n > 0,
  };
}

function inFlight({ window, run }: RunView): BigNumber {
  return {
    name: "in flight",
    figure: whole(window?.in_flight ?? null),
    beside: `limit ${count(limitOf(run))}`,
  };
}

function limitOf({ plan, drivers }: RunView["run"]): number {
  const { in_flight: inFlight = 0, connections = 0 } = plan.limits ?? {};
  return (plan.load.test_type === "avalanche" ? connections : inFlight) * Math.max(1, drivers);
}

function final(view: RunView, windows: readonly Window[]): BigNumber[] {
  const { accounting, response_time: response, service_time: service, run } = view;
  const seconds = between(run.started_at, run.ended_at);
  const peak = windows.reduce<number | null>(
    (high, row) => Math.max(high ?? 0, row.in_flight),
    null,
  );
  const mean = seconds === null || seconds <= 0 ? null : accounting.sent / seconds;
  return [
    {
      name: "mean rate",
      figure: rate(mean),
      beside: `${count(accounting.sent)} sent of ${count(accounting.planned)} planned`,
    },
    {
      name: "response p50",
      figure: duration(response.p50_ns),
      beside: `service ${text(duration(service.p50_ns))}`,
    },
    {
      name: "response p99",
      figure: duration(response.p99_ns),
      beside: `max ${text(duration(response.max_ns))}`,
    },
    failed(view),
    {
      name: "in flight, peak",
      figure: whole(peak),
      beside: `limit ${count(limitOf(run))}`,
    },
  ];
}
