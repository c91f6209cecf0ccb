// Made by scripts/api_types.mjs from tests/contract/openapi.json.

/** This orchestrator; ``sample_target`` is where the bundled target answers, None: nowhere. */
export type About = {
  sample_target: string | null;
  version: string;
};

/** planned = succeeded + failed + dropped + missed + unconfirmed. */
export type Accounting = {
  answered: number;
  dropped: Dropped;
  failed: Failed;
  missed: Missed;
  planned: number;
  sent: number;
  succeeded: number;
  unconfirmed: number;
};

/** Open load: stages of a rate for the whole fleet. */
export type Arrivals = {
  spacing?: "uniform" | "poisson";
  stages: Stage[];
  test_type: "arrivals";
};

/** Open load: stages of a rate for the whole fleet. */
export type ArrivalsInput = {
  spacing?: "uniform" | "poisson";
  stages: StageInput[];
  test_type: "arrivals";
};

/** Closed load: every driver sends its messages as fast as its connections allow. */
export type Avalanche = {
  message_count_per_driver: number;
  test_type: "avalanche";
};

/** Closed load: every driver sends its messages as fast as its connections allow. */
export type AvalancheInput = {
  message_count_per_driver: number;
  test_type: "avalanche";
};

/** A reason not to trust the run. */
export type Degraded = {
  reason: string;
  text: string;
};

/** One driver over all its lives in the run. */
export type DriverFigures = {
  accounting: Accounting;
  clock_offset_ns: number | null;
  cpu: number | null;
  driver_id: string;
  lag: Duration;
  response_time: Duration;
  service_time: Duration;
  start_skew_ns: number | null;
};

/** All drivers heard. */
export type DriverList = {
  drivers: DriverRow[];
};

/** A driver as heard. Description (address to cpu_count) is None until it registered. */
export type DriverRow = {
  address: string | null;
  boot_id: string;
  clock_offset_ns: number | null;
  clock_round_trip_ns: number | null;
  cpu: number;
  cpu_count: number | null;
  driver_id: string;
  heard_ago_s: number;
  in_flight: number;
  labels: Record<string, string>;
  lag_p99_ns: number | null;
  run_id: string | null;
  state: "idle" | "working" | "deaf" | "leaving" | "lost";
  version: string | null;
};

/** How many a driver gave up at its own limits, by cause: a closed set. */
export type Dropped = {
  in_flight_limit: number;
  no_connection: number;
};

/** The figures and the histogram they are from: rows of [low_ns, high_ns, n]. */
export type Duration = {
  count: number;
  histogram: [number, number, number][];
  max_ns: number | null;
  mean_ns: number | null;
  min_ns: number | null;
  mode_ns: number | null;
  p50_ns: number | null;
  p90_ns: number | null;
  p95_ns: number | null;
  p999_ns: number | null;
  p99_ns: number | null;
};

/** The figures of measured durations; None where nothing was measured. */
export type DurationFigures = {
  count: number;
  max_ns: number | null;
  mean_ns: number | null;
  min_ns: number | null;
  mode_ns: number | null;
  p50_ns: number | null;
  p90_ns: number | null;
  p95_ns: number | null;
  p999_ns: number | null;
  p99_ns: number | null;
};

/** Data of ``end``: the report can be fetched; the stream closes. */
export type EndData = {
  ended_at: string;
  passed: boolean;
  reason: string | null;
  state: "PENDING" | "PREPARING" | "READY" | "RUNNING" | "DRAINING" | "FINISHED" | "FAILED" | "ABORTED";
  stopped: boolean;
};

/** What a response must be like: codes (``204``) or classes (``2xx``), and a part of it. */
export type Expect = {
  body_contains?: string | null;
  status?: (string | number)[];
};

/** What a response must be like: codes (``204``) or classes (``2xx``), and a part of it. */
export type ExpectInput = {
  body_contains?: string | null;
  status?: (string | number)[];
};

/** How many failed, by kind: a closed set. */
export type Failed = {
  blocked: number;
  body_mismatch: number;
  closed_early: number;
  connect_refused: number;
  connect_timeout: number;
  dns: number;
  internal: number;
  protocol: number;
  reset: number;
  status_4xx: number;
  status_5xx: number;
  status_other: number;
  timeout: number;
  tls: number;
};

/** The Deployment of drivers; without Kubernetes ``desired`` and ``ready`` are None. */
export type Fleet = {
  deployment: string | null;
  desired: number | null;
  eligible: number;
  hint: string | null;
  namespace: string | null;
  on_kubernetes: boolean;
  pods: PodRow[];
  problem: string | null;
  ready: number | null;
  scaled_by: "spate" | "autoscaler" | null;
};

/** Data of ``fleet``: something happened to the fleet. */
export type FleetData = {
  event: FleetEvent;
};

/** Something that happened to the fleet, on the run's time axis. */
export type FleetEvent = {
  driver_id: string | null;
  kind: string;
  offset_s: number;
  text: string;
};

/** The process answers. */
export type Health = {
  status: string;
};

/** The bounds of each driver; ``timeout`` is per arrival and at most 20 s. */
export type Limits = {
  connect_timeout?: string;
  connections?: number;
  in_flight?: number;
  timeout?: string;
};

/** The bounds of each driver; ``timeout`` is per arrival and at most 20 s. */
export type LimitsInput = {
  connect_timeout?: string;
  connections?: number;
  in_flight?: number;
  timeout?: string;
};

/** The same while the run is under way: planned = all of those + to_come. */
export type LiveAccounting = {
  answered: number;
  dropped: Dropped;
  failed: Failed;
  missed: Missed;
  planned: number;
  sent: number;
  succeeded: number;
  to_come: number;
  unconfirmed: number;
};

/** What one driver has done in the run so far; ``cpu`` is a share of one core. */
export type LiveDriver = {
  clock_offset_ns: number | null;
  cpu: number | null;
  driver_id: string;
  in_flight: number;
  lag: DurationFigures;
  last_window: number | null;
  reported: number;
  response_time: DurationFigures;
  sent: number;
  service_time: DurationFigures;
  start_skew_ns: number | null;
};

/** The run itself; ``waiting_for`` says what keeps it from going on. */
export type LiveRun = {
  created_at: string;
  drivers: number;
  ended_at: string | null;
  id: string;
  labels: Record<string, string>;
  name: string;
  plan: Plan;
  reason: string | null;
  started_at: string | null;
  state: "PENDING" | "PREPARING" | "READY" | "RUNNING" | "DRAINING" | "FINISHED" | "FAILED" | "ABORTED";
  stopped: boolean;
  waiting_for: "Kafka" | null;
};

/** How many nobody sent when they were due, by cause: a closed set. */
export type Missed = {
  aborted: number;
  fenced: number;
  handover: number;
  no_driver: number;
};

/** ``index_header`` adds ``Spate-Index: RUN/INDEX`` to every request. */
export type Options = {
  index_header?: boolean;
  traceparent?: number;
};

/** ``index_header`` adds ``Spate-Index: RUN/INDEX`` to every request. */
export type OptionsInput = {
  index_header?: boolean;
  traceparent?: number;
};

/** What to send where, and how much of it. */
export type Plan = {
  description?: string;
  drivers?: PlanDrivers;
  labels?: Record<string, string>;
  limits?: Limits;
  load: Avalanche | Tsunami | Arrivals;
  name: string;
  options?: Options;
  requests: PlanRequest[];
  seed?: number;
  target: string;
  thresholds?: string[];
  tls?: Tls;
};

/** How many drivers a run needs, how long it waits for them, what it does at a loss. */
export type PlanDrivers = {
  min?: number;
  on_loss?: "takeover" | "abort";
  wait?: string;
};

/** How many drivers a run needs, how long it waits for them, what it does at a loss. */
export type PlanDriversInput = {
  min?: number;
  on_loss?: "takeover" | "abort";
  wait?: string;
};

/** Why a plan cannot be run: everything at once. */
export type PlanErrors = {
  errors: ProblemDetail[];
};

/** What to send where, and how much of it. */
export type PlanInput = {
  description?: string;
  drivers?: PlanDriversInput;
  labels?: Record<string, string>;
  limits?: LimitsInput;
  load: AvalancheInput | TsunamiInput | ArrivalsInput;
  name: string;
  options?: OptionsInput;
  requests: PlanRequestInput[];
  seed?: number;
  target: string;
  thresholds?: string[];
  tls?: TlsInput;
};

/** What a plan would do: ``preview`` is the rate of the whole fleet as [t_s, rate_per_s]. */
export type PlanPreview = {
  count: number;
  duration_s: number | null;
  peak_rate_per_s: number | null;
  preview: [number, number][];
};

/** One kind of request. ``name`` is ``METHOD path`` unless given. */
export type PlanRequest = {
  body?: string;
  expect?: Expect;
  headers?: Record<string, string>;
  method?: string;
  name?: string;
  path: string;
  weight?: number;
};

/** One kind of request. ``name`` is ``METHOD path`` unless given. */
export type PlanRequestInput = {
  body?: string;
  expect?: ExpectInput;
  headers?: Record<string, string>;
  method?: string;
  name?: string;
  path: string;
  weight?: number;
};

/** A pod of the fleet. ``drivers`` are those heard from it: none while it is not there. */
export type PodRow = {
  created_at: string | null;
  drivers: string[];
  message: string | null;
  name: string;
  node: string | null;
  phase: string;
  ready: boolean;
  reason: string | null;
  restarts: number;
  started_at: string | null;
  terminating: boolean;
};

/** What went wrong (RFC 9457); ``errors`` is empty where no place can be named. */
export type Problem = {
  detail: string;
  errors: ProblemDetail[];
  status: number;
  title: string;
  type: string;
};

/** One place that is wrong: a path in the plan (``load.stages[1].to``) or a parameter. */
export type ProblemDetail = {
  message: string;
  path: string;
};

/** The final document of a run; it never changes. */
export type Report = {
  accounting: Accounting;
  connect_time: Duration;
  drivers: DriverFigures[];
  events: FleetEvent[];
  lag: Duration;
  requests: RequestFigures[];
  response_time: Duration;
  response_time_succeeded: Duration;
  run: ReportRun;
  service_time: Duration;
  stages: StageFigures[];
  status_codes: Record<string, number>;
  traces?: Trace[];
  verdict: Verdict;
  version: 1;
  wait_time: Duration;
  windows: Window[];
};

/** The run itself. ``drivers`` is how many began it; ``started_at`` None: it never did. */
export type ReportRun = {
  created_at: string;
  drivers: number;
  ended_at: string | null;
  id: string;
  labels: Record<string, string>;
  name: string;
  plan: Plan;
  reason: string | null;
  started_at: string | null;
  state: "PENDING" | "PREPARING" | "READY" | "RUNNING" | "DRAINING" | "FINISHED" | "FAILED" | "ABORTED";
  stopped: boolean;
};

/** The figures of one request of the plan. */
export type RequestFigures = {
  accounting: Accounting;
  name: string;
  response_time: Duration;
  service_time: Duration;
  status_codes: Record<string, number>;
};

/** A page of runs, newest first; ``next_cursor`` None: there are no more. */
export type RunList = {
  next_cursor: string | null;
  runs: RunRow[];
};

/** One line of the list of runs. Times are RFC 3339 UTC with ``Z``. */
export type RunRow = {
  created_at: string;
  ended_at: string | null;
  id: string;
  labels: Record<string, string>;
  name: string;
  passed: boolean | null;
  started_at: string | null;
  state: "PENDING" | "PREPARING" | "READY" | "RUNNING" | "DRAINING" | "FINISHED" | "FAILED" | "ABORTED";
};

/** A run as it is now; ``verdict`` is None until it has ended. */
export type RunView = {
  accounting: LiveAccounting;
  connect_time: DurationFigures;
  degraded: Degraded[];
  drivers: LiveDriver[];
  events: FleetEvent[];
  lag: DurationFigures;
  response_time: DurationFigures;
  response_time_succeeded: DurationFigures;
  run: LiveRun;
  service_time: DurationFigures;
  status_codes: Record<string, number>;
  verdict: Verdict | null;
  wait_time: DurationFigures;
  window: Window | null;
};

/** The body of ``PUT /fleet``. */
export type ScaleRequest = {
  replicas: number;
};

/** Data of ``snapshot``: the view and the rows of all windows so far. */
export type SnapshotData = {
  accounting: LiveAccounting;
  connect_time: DurationFigures;
  degraded: Degraded[];
  drivers: LiveDriver[];
  events: FleetEvent[];
  lag: DurationFigures;
  response_time: DurationFigures;
  response_time_succeeded: DurationFigures;
  run: LiveRun;
  service_time: DurationFigures;
  status_codes: Record<string, number>;
  verdict: Verdict | null;
  wait_time: DurationFigures;
  window: Window | null;
  windows: Window[];
};

/** A part of the load whose rate (requests/s, whole fleet) goes linearly ``from`` → ``to``. */
export type Stage = {
  duration: string;
  from?: number;
  measured?: boolean;
  name?: string;
  to?: number;
};

/** The figures of one stage of the load. */
export type StageFigures = {
  accounting: Accounting;
  connect_time: Duration;
  lag: Duration;
  measured: boolean;
  name: string;
  response_time: Duration;
  response_time_succeeded: Duration;
  service_time: Duration;
  status_codes: Record<string, number>;
  wait_time: Duration;
};

/** A part of the load whose rate (requests/s, whole fleet) goes linearly ``from`` → ``to``. */
export type StageInput = {
  duration: string;
  from?: number;
  measured?: boolean;
  name?: string;
  to?: number;
};

/** The body of ``POST /runs``. */
export type StartRequest = {
  plan: PlanInput;
};

/** Data of ``state``: the run moved on. */
export type StateData = {
  drivers: number;
  reason: string | null;
  started_at: string | null;
  state: "PENDING" | "PREPARING" | "READY" | "RUNNING" | "DRAINING" | "FINISHED" | "FAILED" | "ABORTED";
  stopped: boolean;
  waiting_for: "Kafka" | null;
};

/** One event of the stream; on the wire ``id``, ``event`` and ``data`` are SSE fields. */
export type StreamEvent = {
  data: SnapshotData | StateData | WindowData | FleetData | EndData;
  event: "snapshot" | "state" | "window" | "fleet" | "end";
  id: string;
};

/** One threshold on merged data; ``value`` is in ns for durations, a share for rates. */
export type ThresholdResult = {
  expression: string;
  passed: boolean;
  value: number | null;
};

/** How https targets are verified; ``ca`` is PEM text. */
export type Tls = {
  ca?: string | null;
  server_name?: string | null;
  verify?: boolean;
};

/** How https targets are verified; ``ca`` is PEM text. */
export type TlsInput = {
  ca?: string | null;
  server_name?: string | null;
  verify?: boolean;
};

/** A request that carried trace context; ``offset_s`` is when it was due. */
export type Trace = {
  driver_id: string;
  index: number;
  offset_s: number;
  outcome: string;
  request: string;
  response_ns: number;
  status: number | null;
  trace_id: string;
};

/** Open load: every driver sends one message per delay, whatever the target does. */
export type Tsunami = {
  message_count_per_driver: number;
  message_delay_ms: number;
  test_type: "tsunami";
};

/** Open load: every driver sends one message per delay, whatever the target does. */
export type TsunamiInput = {
  message_count_per_driver: number;
  message_delay_ms: number;
  test_type: "tsunami";
};

/** The body of ``POST /plans/validate``; without ``drivers`` those that could start now. */
export type ValidateRequest = {
  drivers?: number | null;
  plan: PlanInput;
};

/** Whether the run passed; ``degraded`` does not change that. */
export type Verdict = {
  degraded: Degraded[];
  passed: boolean;
  thresholds: ThresholdResult[];
};

/** A second of the run, or several (``width_s``) if it is long past; all drivers merged. */
export type Window = {
  bytes_received: number;
  drivers: number;
  dropped: number;
  failed: number;
  failed_kinds?: Record<string, number>;
  in_flight: number;
  lag_p99_ns: number | null;
  max_ns: number | null;
  missed: number;
  offset_s: number;
  p50_ns: number | null;
  p90_ns: number | null;
  p99_ns: number | null;
  peak?: WindowPeak | null;
  planned: number;
  sent: number;
  succeeded: number;
  width_s?: number;
};

/** Data of ``window``: figures so far, and rows that are new or changed. */
export type WindowData = {
  accounting: LiveAccounting;
  connect_time: DurationFigures;
  degraded: Degraded[];
  drivers: LiveDriver[];
  lag: DurationFigures;
  response_time: DurationFigures;
  response_time_succeeded: DurationFigures;
  service_time: DurationFigures;
  status_codes: Record<string, number>;
  wait_time: DurationFigures;
  window: Window | null;
  windows: Window[];
};

/** What some figures of a window that is wider than a second were in its highest second. */
export type WindowPeak = {
  dropped: number;
  failed: number;
  failed_kinds: Record<string, number>;
  lag_p99_ns: number | null;
  p99_ns: number | null;
  sent: number;
};
