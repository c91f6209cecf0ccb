import { afterEach, expect, test, vi } from "vitest";
import type { Clocks } from "./clocks";
import { follow } from "./follow";
import { sampleSnapshot } from "./sample";
import { RunStore } from "./store";

const CLOCKS: Clocks = { nowMs: () => performance.now(), wallMs: () => Date.now() };
const ENDED = sampleSnapshot(2, { state: "FINISHED", ended_at: "2026-11-27T03:01:00Z" });

afterEach(() => {
  vi.unstubAllGlobals();
});

type Answer = () => Response | Promise<Response>;

/** Answers one call after the other, and notes what was asked. */
function serve(...answers: Answer[]): Request[] {
  const asked: Request[] = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    asked.push(new Request(`http://spate${url}`, init));
    const answer = answers[asked.length - 1];
    if (answer === undefined) throw new Error(`call ${asked.length} was not expected`);
    return answer();
  });
  return asked;
}

function events(...each: [string, string, object][]): Answer {
  const text = each.map(
    ([id, kind, data]) => `id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`,
  );
  return () => new Response(`retry: 1000\n\n: heartbeat\n\n${text.join("")}`);
}

function problem(status: number, title: string): Answer {
  const body = { type: "urn:x", title, status, detail: "why", errors: [] };
  return () => new Response(JSON.stringify(body), { status });
}

async function followed(...answers: Answer[]) {
  const asked = serve(...answers);
  const store = new RunStore("smoke-1", 0);
  await follow(store, AbortSignal.timeout(5_000), CLOCKS);
  return { asked, known: store.get() };
}

test("a run that has ended is read once and is final", async () => {
  const { asked, known } = await followed(events(["smoke-1:0", "snapshot", ENDED]));
  expect(asked.map(({ url }) => new URL(url).pathname)).toEqual(["/api/v1/runs/smoke-1/stream"]);
  expect(known.run.ended).toBe(true);
  expect(known.link.status).toBe("done");
});

test("after a break it goes on after the last event seen, and what was known stays", async () => {
  const heard: unknown[] = [];
  const store = new RunStore("smoke-1", 0);
  store.subscribe(() => heard.push([store.get().link.status, store.get().run.windows.length]));
  const asked = serve(
    events(["smoke-1:7", "snapshot", sampleSnapshot(2)]),
    problem(503, "not now"),
    () => {
      throw new TypeError("connection refused");
    },
    events(["smoke-1:8", "snapshot", ENDED]),
  );
  await follow(store, AbortSignal.timeout(5_000), CLOCKS);
  expect(asked.map(({ headers }) => headers.get("Last-Event-ID"))).toEqual([
    ...[null, "smoke-1:7", "smoke-1:7", "smoke-1:7"],
  ]);
  expect(heard).toContainEqual(["broken", 2]);
  expect(heard.at(-1)).toEqual(["done", 2]);
});

test("a run that nobody knows is refused at once", async () => {
  const { asked, known } = await followed(problem(404, "There is no such run"));
  expect(asked.length).toBe(1);
  expect([known.link.status, known.link.error?.title]).toEqual(["refused", "There is no such run"]);
});

test("a run that was known may be unknown for a moment: its orchestrator has just come back", async () => {
  const { asked, known } = await followed(
    events(["smoke-1:7", "snapshot", sampleSnapshot(2)]),
    problem(404, "There is no such run"),
    events(["smoke-1:9", "snapshot", ENDED]),
  );
  expect(asked.length).toBe(3);
  expect(known.link.status).toBe("done");
});

test("what does not look like a problem is shown as far as it says anything", async () => {
  const { known } = await followed(() => new Response("<h1>Bad gateway</h1>", { status: 400 }));
  expect(known.link.error?.title).toBe("The orchestrator answered 400");
});

test("a kind of event that this page does not know is passed over", async () => {
  const { known } = await followed(
    events(["smoke-1:1", "weather", { rain: true }], ["smoke-1:2", "snapshot", ENDED]),
  );
  expect(known.link.status).toBe("done");
});
