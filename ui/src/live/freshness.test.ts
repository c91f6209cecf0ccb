import { expect, test } from "vitest";
import { wallAhead } from "./clocks";
import { type Freshness, freshness, type Link } from "./freshness";
import { apply, type LiveRun, UNHEARD } from "./run";
import { STARTED_MS, sampleSnapshot } from "./sample";

const running = heardAt(2_000, sampleSnapshot(2));
const ready = heardAt(2_000, sampleSnapshot(0, { state: "READY" }));

function heardAt(atMs: number, data: ReturnType<typeof sampleSnapshot>): LiveRun {
  return apply(UNHEARD, { kind: "snapshot", data }, atMs, STARTED_MS);
}

function link(status: Link["status"], heardAtMs: number | null): Link {
  return { status, heardAtMs, wallAheadMs: STARTED_MS, error: null };
}

test.each<[string, LiveRun, Link, number, Freshness]>([
  ["nothing has come", UNHEARD, link("opening", null), 100, { kind: "opening" }],
  [
    "nobody answers from the start",
    ...([
      UNHEARD,
      link("broken", null),
      100,
      { kind: "stale", ageS: null, why: "cut off" },
    ] as const),
  ],
  ["figures are new", running, link("open", 2_000), 2_400, { kind: "live", ageS: 0.4 }],
  [
    "2 s without a sign of life",
    ...([running, link("open", 2_000), 4_000, { kind: "stale", ageS: 2, why: "cut off" }] as const),
  ],
  [
    "a broken connection that was heard of a moment ago",
    ...([running, link("broken", 3_000), 3_200, { kind: "live", ageS: 1.2 }] as const),
  ],
  [
    "signs of life, but no figures",
    ...([
      running,
      link("open", 5_000),
      5_200,
      { kind: "stale", ageS: 3.2, why: "no figures" },
    ] as const),
  ],
  ["nothing is to be told before the start", ready, link("open", 9_000), 9_500, { kind: "quiet" }],
  [
    "cut off before the start",
    ...([
      ready,
      link("broken", 5_000),
      9_500,
      { kind: "stale", ageS: 7.5, why: "cut off" },
    ] as const),
  ],
  ["the run has ended", { ...running, ended: true }, link("done", 2_000), 1e9, { kind: "done" }],
  ["there is no such run", UNHEARD, link("refused", null), 100, { kind: "refused" }],
])("%s", (_, run, connection, nowMs, expected) => {
  expect(freshness(run, connection, nowMs)).toEqual(expected);
});

test("the orchestrator's clock counts where the viewer's is off by more than a Date can tell", () => {
  const date = "Fri, 27 Nov 2026 03:00:00 GMT";
  expect(wallAhead(date, 1_000, STARTED_MS + 1_200)).toBe(STARTED_MS + 200);
  expect(wallAhead(date, 1_000, STARTED_MS + 60_000)).toBe(STARTED_MS - 500);
  expect(wallAhead(null, 1_000, STARTED_MS)).toBe(STARTED_MS - 1_000);
  expect(wallAhead("nonsense", 1_000, STARTED_MS)).toBe(STARTED_MS - 1_000);
});
