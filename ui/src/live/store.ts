import type { ApiError } from "../api/problem";
import type { LiveEvent } from "./event";
import type { Link } from "./freshness";
import { apply, type LiveRun, UNHEARD } from "./run";

/** A run and the connection over which it is heard; `brokenSinceMs` is null while that is well. */
export type Known = { run: LiveRun; link: Link; brokenSinceMs: number | null };

/** The one place of the page that knows a run that is followed; React reads it, the stream feeds it. */
export class RunStore {
  readonly runId: string;
  #known: Known = {
    run: UNHEARD,
    link: { status: "opening", heardAtMs: null, wallAheadMs: 0, error: null },
    brokenSinceMs: null,
  };
  #listeners = new Set<() => void>();

  /** `wallAheadMs` is by how much this machine's wall clock is ahead of its monotonic one. */
  constructor(runId: string, wallAheadMs: number) {
    this.runId = runId;
    this.#known.link.wallAheadMs = wallAheadMs;
  }

  /** Calls `listener` after every change; returns what ends that. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Returns what is known; the same object until something changes. */
  readonly get = (): Known => this.#known;

  /** Notes that a stream was opened, and what the orchestrator's clock says. */
  opened(wallAheadMs: number): void {
    this.#set({ ...this.#known, link: { ...this.#known.link, wallAheadMs } });
  }

  /** Takes what came at once; no events at all is a sign of life. */
  heard(events: readonly LiveEvent[], atMs: number): void {
    const { wallAheadMs } = this.#known.link;
    const run = events.reduce(
      (before, event) => apply(before, event, atMs, wallAheadMs),
      this.#known.run,
    );
    this.#set({
      run,
      link: { status: "open", heardAtMs: atMs, wallAheadMs, error: null },
      brokenSinceMs: null,
    });
  }

  /** Notes that the connection broke; what was known stays, and is older with every second. */
  broke(error: ApiError, atMs: number): void {
    const { link, brokenSinceMs } = this.#known;
    this.#set({
      ...this.#known,
      link: { ...link, status: "broken", error },
      brokenSinceMs: brokenSinceMs ?? atMs,
    });
  }

  /** Notes that there is nothing to be had, and why. */
  refuse(error: ApiError): void {
    this.#set({ ...this.#known, link: { ...this.#known.link, status: "refused", error } });
  }

  /** Notes that all was told. */
  close(): void {
    this.#set({ ...this.#known, link: { ...this.#known.link, status: "done", error: null } });
  }

  #set(known: Known): void {
    this.#known = known;
    for (const listener of this.#listeners) listener();
  }
}
