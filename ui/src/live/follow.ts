import { asApiError, isAbort, respond } from "../api/call";
import { type ApiError, unreachable } from "../api/problem";
import { type Clocks, wallAhead } from "./clocks";
import { readEvent } from "./event";
import { SseParser } from "./sse";
import type { RunStore } from "./store";

/** Breaks for which a stream is opened again at once, then ever more slowly. */
const RETRY_MS = [250, 500, 1_000] as const;
/** An orchestrator that comes back may not know the run before it has replayed its journal. */
const UNKNOWN_FOR_MS = 20_000;
/** Beyond this silence the connection is given up: a proxy may hold a dead one open for hours. */
const SILENT_FOR_MS = 5_000;

/** Feeds a store from the stream of its run until the run has ended or `signal` ends it.
 *
 * After a break it goes on after the last event seen (`Last-Event-ID`); where that is gone, the
 * orchestrator begins with a new snapshot. */
export async function follow(
  store: RunStore,
  signal: AbortSignal,
  { nowMs, wallMs }: Clocks,
): Promise<void> {
  const onOpen = (date: string | null) => store.opened(wallAhead(date, nowMs(), wallMs()));
  let lastId: string | null = null;
  let failures = 0;
  while (!signal.aborted) {
    try {
      for await (const piece of pieces(store.runId, lastId, signal, onOpen)) {
        failures = 0;
        lastId = take(store, piece, nowMs()) ?? lastId;
      }
      if (store.get().run.ended) return store.close();
      store.broke(unreachable(), nowMs());
    } catch (error) {
      if (signal.aborted) return;
      const problem = isAbort(error) ? unreachable() : asApiError(error);
      if (!worthAnotherTry(problem, store, nowMs())) return store.refuse(problem);
      store.broke(problem, nowMs());
    }
    await pause(RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 1_000, signal);
    failures += 1;
  }
}

function worthAnotherTry(problem: ApiError, store: RunStore, atMs: number): boolean {
  if (problem.mayPass) return true;
  const brokenSinceMs = store.get().brokenSinceMs;
  const known = store.get().run.view !== null;
  return (
    problem.status === 404 &&
    known &&
    brokenSinceMs !== null &&
    atMs - brokenSinceMs < UNKNOWN_FOR_MS
  );
}

type Piece = { parser: SseParser; text: string };

function take(store: RunStore, { parser, text }: Piece, atMs: number): string | null {
  let id: string | null = null;
  const events = parser.feed(text).flatMap((event) => {
    id = event.id;
    return readEvent(event) ?? [];
  });
  store.heard(events, atMs);
  return id;
}

/** Yields the text of one stream as it comes; ends with it, and throws where it breaks. */
async function* pieces(
  runId: string,
  lastId: string | null,
  outer: AbortSignal,
  onOpen: (date: string | null) => void,
): AsyncGenerator<Piece> {
  const silence = new AbortController();
  const signal = AbortSignal.any([outer, silence.signal]);
  let timer = setTimeout(() => silence.abort(), SILENT_FOR_MS);
  const headers: Record<string, string> = { Accept: "text/event-stream" };
  if (lastId !== null) headers["Last-Event-ID"] = lastId;
  try {
    const response = await respond(`/runs/${encodeURIComponent(runId)}/stream`, {
      headers,
      signal,
      cache: "no-store",
    });
    if (response.body === null) throw unreachable();
    onOpen(response.headers.get("Date"));
    const parser = new SseParser();
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await read(reader);
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENT_FOR_MS);
      yield { parser, text: decoder.decode(value, { stream: true }) };
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>) {
  try {
    return await reader.read();
  } catch (error) {
    throw isAbort(error) ? error : unreachable();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}
