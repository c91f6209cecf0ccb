import { expect, test } from "vitest";
import type { StateData } from "../api/schema";
import type { LiveEvent } from "./event";
import { apply, type LiveRun, UNHEARD } from "./run";
import { STARTED_MS, sampleDriver, sampleSnapshot, sampleView, sampleWindow } from "./sample";

/** The page's monotonic clock reads 0 when the run begins. */
const AHEAD_MS = STARTED_MS;

function after(run: LiveRun, event: LiveEvent, atMs: number): LiveRun {
  return apply(run, event, atMs, AHEAD_MS);
}

const begun = after(UNHEARD, { kind: "snapshot", data: sampleSnapshot(2) }, 2_300);

test("a snapshot is all there is to know", () => {
  expect(begun.view).toEqual(sampleView());
  expect(begun.windows).toEqual([sampleWindow(0), sampleWindow(1)]);
  expect(begun.ended).toBe(false);
  expect([...begun.tracks.keys()]).toEqual(["driver-1", "driver-2"]);
});

test("a snapshot is as old as the newest second it knows of, whenever it is asked for", () => {
  expect(begun.figuresAtMs).toBe(2_300 - 300);
  const late = after(UNHEARD, { kind: "snapshot", data: sampleSnapshot(2) }, 30_000);
  expect(late.figuresAtMs).toBe(2_000);
  const unbegun = sampleSnapshot(0, { started_at: null, state: "READY" });
  expect(after(UNHEARD, { kind: "snapshot", data: unbegun }, 30_000).figuresAtMs).toBe(30_000);
});

test("a window replaces the rows of the same second and leaves out what was not told", () => {
  const { windows: _w, run: _r, events: _e, verdict: _v, ...figures } = sampleSnapshot(0);
  const rows = [sampleWindow(1, { sent: 11 }), sampleWindow(3)];
  const data = { ...figures, drivers: [sampleDriver("driver-1", 20)], windows: rows };
  const next = after(begun, { kind: "window", data }, 3_400);
  expect(next.windows).toEqual([sampleWindow(0), rows[0], rows[1]]);
  expect(begun.windows).toEqual([sampleWindow(0), sampleWindow(1)]);
  expect(next.view?.drivers).toEqual([sampleDriver("driver-1", 20), sampleDriver("driver-2", 13)]);
  expect(next.view?.run).toEqual(begun.view?.run);
  expect(next.figuresAtMs).toBe(3_400);
  expect(next.tracks.get("driver-1")?.map(({ sent }) => sent)).toEqual([12, 20]);
});

test("rows of drivers come in turns: those that are not told stay, and new ones find their place", () => {
  const { windows: _w, run: _r, events: _e, verdict: _v, ...figures } = sampleSnapshot(0);
  const rows = (...drivers: ReturnType<typeof sampleDriver>[]): LiveEvent => ({
    kind: "window",
    data: { ...figures, drivers, windows: [] },
  });
  const joined = after(begun, rows(sampleDriver("driver-11", 1)), 3_000);
  const next = after(joined, rows(sampleDriver("driver-2", 15)), 3_250);
  expect(next.view?.drivers.map(({ driver_id, sent }) => [driver_id, sent])).toEqual([
    ["driver-1", 12],
    ["driver-11", 1],
    ["driver-2", 15],
  ]);
  expect([...next.tracks].map(([id, track]) => [id, track.length])).toEqual([
    ["driver-1", 1],
    ["driver-2", 2],
    ["driver-11", 1],
  ]);
  const still = after(next, rows(), 3_500);
  expect(still.view?.drivers).toEqual(next.view?.drivers);
  expect(still.figuresAtMs).toBe(3_500);
});

test("a state moves the run on and is no news of its figures", () => {
  const data = {
    state: "DRAINING" as const,
    stopped: true,
    reason: null,
    started_at: "2026-11-27T03:00:00Z",
    drivers: 2,
    waiting_for: "Kafka" as const,
  };
  const next = after(begun, { kind: "state", data }, 9_000);
  expect(next.view?.run).toEqual({ ...begun.view?.run, ...data });
  expect(next.figuresAtMs).toBe(begun.figuresAtMs);
});

test("what happened before the start was known is told from it as soon as it is", () => {
  const unbegun = sampleSnapshot(0, { started_at: null, state: "READY" });
  const told = [0.25, -1].map((offset_s) => ({
    offset_s,
    kind: "joined",
    driver_id: "driver-2",
    text: `driver-2 joined at ${offset_s}`,
  }));
  const snapshot = { ...unbegun, events: told };
  const before = after(UNHEARD, { kind: "snapshot", data: snapshot }, 0);
  const data = { ...stateOf("RUNNING"), started_at: "2026-11-27T03:00:00Z" };
  const started = after(before, { kind: "state", data }, 100);
  expect(started.view?.events.map(({ offset_s }) => offset_s)).toEqual([-1.75, -1]);
  const again = after(started, { kind: "state", data: { ...data, state: "DRAINING" } }, 200);
  expect(again.view?.events).toEqual(started.view?.events);
});

function stateOf(state: StateData["state"]): StateData {
  return { state, stopped: false, reason: null, started_at: null, drivers: 2, waiting_for: null };
}

test("what happened is told once, however often it comes", () => {
  const event = {
    offset_s: 4,
    kind: "lost",
    driver_id: "driver-2",
    text: "driver-2 was not heard",
  };
  const once = after(begun, { kind: "fleet", data: { event } }, 4_000);
  const twice = after(once, { kind: "fleet", data: { event: { ...event } } }, 4_100);
  expect(once.view?.events).toEqual([...sampleView().events, event]);
  expect(twice).toBe(once);
});

test("the end is final, and a run that waited for something waits no longer", () => {
  const data = {
    state: "FINISHED" as const,
    stopped: false,
    reason: null,
    ended_at: "2026-11-27T03:01:00Z",
    passed: true,
  };
  const next = after(begun, { kind: "end", data }, 60_000);
  const { passed: _, ...end } = data;
  expect(next.ended).toBe(true);
  expect(next.view?.run).toEqual({ ...begun.view?.run, ...end, waiting_for: null });
  const again = after(next, { kind: "snapshot", data: sampleSnapshot(2) }, 61_000);
  expect(again.ended).toBe(true);
});

test("what comes before the first snapshot says nothing that could be shown", () => {
  const event = { offset_s: 4, kind: "lost", driver_id: "driver-2", text: "lost" };
  expect(after(UNHEARD, { kind: "fleet", data: { event } }, 0)).toBe(UNHEARD);
});
