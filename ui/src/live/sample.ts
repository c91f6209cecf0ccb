import type { DurationFigures, LiveDriver, RunView, SnapshotData, Window } from "../api/schema";

const NOTHING: DurationFigures = {
  count: 0,
  min_ns: null,
  mean_ns: null,
  mode_ns: null,
  p50_ns: null,
  p90_ns: null,
  p95_ns: null,
  p99_ns: null,
  p999_ns: null,
  max_ns: null,
};

/** When the run of these samples began, in ms since 1970. */
export const STARTED_MS = Date.parse("2026-11-27T03:00:00Z");

/** Returns a window of ten planned arrivals, all sent and succeeded. */
export function sampleWindow(offset_s: number, changed: Partial<Window> = {}): Window {
  return {
    offset_s,
    width_s: 1,
    planned: 10,
    sent: 10,
    succeeded: 10,
    failed: 0,
    failed_kinds: {},
    dropped: 0,
    missed: 0,
    in_flight: 1,
    p50_ns: 1_000_000,
    p90_ns: 2_000_000,
    p99_ns: 3_000_000,
    max_ns: 4_000_000,
    lag_p99_ns: 100_000,
    bytes_received: 1_000,
    drivers: 2,
    peak: null,
    ...changed,
  };
}

/** Returns a window of several seconds, each of them like those of `sampleWindow`. */
export function sampleWide(
  offset_s: number,
  width_s: number,
  changed: Partial<Window> = {},
): Window {
  const { planned, sent, succeeded, lag_p99_ns, p99_ns } = sampleWindow(offset_s);
  return sampleWindow(offset_s, {
    width_s,
    planned: planned * width_s,
    sent: sent * width_s,
    succeeded: succeeded * width_s,
    peak: { sent, failed: 0, failed_kinds: {}, dropped: 0, p99_ns, lag_p99_ns },
    ...changed,
  });
}

/** Returns a driver that has sent so many. */
export function sampleDriver(driver_id: string, sent: number): LiveDriver {
  return {
    driver_id,
    reported: sent,
    sent,
    in_flight: 0,
    cpu: 0.1,
    clock_offset_ns: 0,
    start_skew_ns: 0,
    last_window: 0,
    response_time: NOTHING,
    service_time: NOTHING,
    lag: NOTHING,
  };
}

/** Returns the view of a run of 600 arrivals in a minute, under way. */
export function sampleView(changed: Partial<RunView["run"]> = {}): RunView {
  return {
    run: {
      id: "smoke-1",
      name: "smoke",
      labels: {},
      plan: {
        name: "smoke",
        target: "http://127.0.0.1:8000",
        requests: [{ path: "/ping" }],
        load: { test_type: "arrivals", stages: [{ duration: "60s", from: 10, to: 10 }] },
        limits: { connections: 64, in_flight: 1000 },
      },
      state: "RUNNING",
      stopped: false,
      reason: null,
      created_at: "2026-11-27T02:59:58Z",
      started_at: "2026-11-27T03:00:00Z",
      ended_at: null,
      drivers: 2,
      waiting_for: null,
      ...changed,
    },
    accounting: {
      planned: 600,
      succeeded: 20,
      failed: {
        ...{ dns: 0, connect_refused: 0, connect_timeout: 0, tls: 0, timeout: 2, reset: 0 },
        ...{ closed_early: 0, protocol: 0, status_4xx: 0, status_5xx: 3, status_other: 0 },
        ...{ body_mismatch: 0, blocked: 0, internal: 0 },
      },
      dropped: { in_flight_limit: 0, no_connection: 0 },
      missed: { handover: 1, fenced: 0, no_driver: 0, aborted: 0 },
      unconfirmed: 4,
      sent: 25,
      answered: 23,
      to_come: 570,
    },
    status_codes: { "200": 20, "503": 3 },
    response_time: NOTHING,
    response_time_succeeded: NOTHING,
    service_time: NOTHING,
    lag: NOTHING,
    wait_time: NOTHING,
    connect_time: NOTHING,
    window: sampleWindow(1),
    drivers: [sampleDriver("driver-1", 12), sampleDriver("driver-2", 13)],
    degraded: [],
    events: [{ offset_s: -1, kind: "state", driver_id: null, text: "READY" }],
    verdict: null,
  };
}

/** Returns a snapshot of that run with the windows of its first seconds. */
export function sampleSnapshot(
  seconds: number,
  changed: Partial<RunView["run"]> = {},
): SnapshotData {
  const windows = Array.from({ length: seconds }, (_, second) => sampleWindow(second));
  return { ...sampleView(changed), windows };
}
