import type { RunView, SnapshotData, StateData, Window, WindowData } from "../api/schema";
import type { LiveEvent } from "./event";
import { extend, type Track } from "./track";
import { endOf, placed } from "./windows";

/** Everything the page knows of a run, as of the last event.
 *
 * `windows` are in order; where nothing was said of a second there is none. `figuresAtMs`
 * is when figures last came, by the page's monotonic clock; null: never. */
export type LiveRun = {
  view: RunView | null;
  windows: readonly Window[];
  tracks: ReadonlyMap<string, Track>;
  figuresAtMs: number | null;
  ended: boolean;
};

/** What is known before anything was heard. */
export const UNHEARD: LiveRun = {
  view: null,
  windows: [],
  tracks: new Map(),
  figuresAtMs: null,
  ended: false,
};

/** Returns what is known after an event that came at `atMs`; pure.
 *
 * Events carry whole values, never differences, so one that comes twice does no harm: a row of a
 * window or of a driver replaces the one before it, and what has no new row is as it was. One that
 * comes before the first snapshot says nothing that could be shown. `wallAheadMs` is by how much
 * the orchestrator's wall clock is ahead of the page's monotonic one. */
export function apply(run: LiveRun, event: LiveEvent, atMs: number, wallAheadMs: number): LiveRun {
  if (event.kind === "snapshot") return snapshot(run, event.data, atMs, wallAheadMs);
  const { view } = run;
  if (view === null) return run;
  switch (event.kind) {
    case "state":
      return {
        ...run,
        view: { ...view, run: { ...view.run, ...event.data }, events: placedIn(view, event.data) },
      };
    case "window":
      return window(run, view, event.data, atMs);
    case "fleet": {
      const known = view.events.some((each) => same(each, event.data.event));
      return known
        ? run
        : { ...run, view: { ...view, events: [...view.events, event.data.event] } };
    }
    case "end": {
      const { passed: _, ...end } = event.data;
      const over = { ...view.run, ...end, waiting_for: null };
      return { ...run, ended: true, view: { ...view, run: over } };
    }
  }
}

function snapshot(run: LiveRun, data: SnapshotData, atMs: number, wallAheadMs: number): LiveRun {
  const { windows, ...view } = data;
  return {
    view,
    windows: placed([], windows),
    tracks: tracked(run.tracks, view, atMs),
    figuresAtMs: atMs - oldMs(data, atMs + wallAheadMs),
    ended: run.ended || view.run.ended_at !== null,
  };
}

/** Returns how old the newest figures of a snapshot are for certain.
 *
 * It is made when it is asked for, but of what was heard by then: without Kafka that may be long
 * ago, and it must not look new because somebody has just opened the page. */
function oldMs({ run, windows }: SnapshotData, wallMs: number): number {
  const newest = windows.at(-1);
  if (run.started_at === null || newest === undefined) return 0;
  const untilMs = Date.parse(run.started_at) + endOf(newest) * 1000;
  return Math.max(0, wallMs - untilMs);
}

function window(run: LiveRun, view: RunView, data: WindowData, atMs: number): LiveRun {
  const { windows, drivers, ...figures } = data;
  return {
    ...run,
    view: { ...view, ...figures, drivers: replaced(view.drivers, drivers) },
    windows: placed(run.windows, windows),
    tracks: new Map([...run.tracks, ...tracked(run.tracks, data, atMs)]),
    figuresAtMs: atMs,
  };
}

/** Returns all rows in the order of their ids, with these in place of those that they replace. */
function replaced(known: RunView["drivers"], rows: RunView["drivers"]): RunView["drivers"] {
  if (rows.length === 0) return known;
  const drivers = new Map(known.map((row) => [row.driver_id, row]));
  for (const row of rows) drivers.set(row.driver_id, row);
  if (drivers.size === known.length) return [...drivers.values()];
  return [...drivers.values()].sort((a, b) => (a.driver_id < b.driver_id ? -1 : 1));
}

function tracked(
  tracks: LiveRun["tracks"],
  { drivers }: Pick<RunView, "drivers">,
  atMs: number,
): Map<string, Track> {
  return new Map(
    drivers.map((each) => [each.driver_id, extend(tracks.get(each.driver_id) ?? [], each, atMs)]),
  );
}

/** Returns what happened by the time of the run, once its start is known.
 *
 * Until then times are told from the submission, and so are never negative; the start lies ahead
 * when it is set, so that whatever is told from it by then is negative. */
function placedIn({ run, events }: RunView, { started_at }: StateData): RunView["events"] {
  if (run.started_at !== null || started_at === null) return events;
  const laterS = (Date.parse(started_at) - Date.parse(run.created_at)) / 1000;
  return events.map((each) =>
    each.offset_s < 0 ? each : { ...each, offset_s: each.offset_s - laterS },
  );
}

type Happened = RunView["events"][number];

function same(a: Happened, b: Happened): boolean {
  return a.offset_s === b.offset_s && a.kind === b.kind && a.text === b.text;
}
