import type { Json, JsonObject } from "./json";

/** Returns a plan that works at once: ten seconds of load on the bundled target.
 *
 * Where there is none, the target is the one thing that is left to be written. */
export function firstPlan(sampleTarget: string | null): JsonObject {
  return {
    name: "first-look",
    target: sampleTarget ?? "",
    requests: [{ name: "ping", path: "/ping" }],
    load: loadOf("tsunami"),
    thresholds: ["failed.rate < 1%", "response_time.p99 < 500ms"],
  };
}

/** The three ways to make load. */
export type TestType = "avalanche" | "tsunami" | "arrivals";

/** What each way does, in a sentence. */
export const TEST_TYPES: readonly { type: TestType; means: string }[] = [
  {
    type: "tsunami",
    means: "Every driver sends one request each delay, whatever the target does.",
  },
  {
    type: "avalanche",
    means: "Every driver sends as fast as its connections allow; a slow target slows it down.",
  },
  {
    type: "arrivals",
    means: "The whole fleet follows stages of a rate: constant, ramps, steps.",
  },
];

/** Returns a load of a type that works at once. */
export function loadOf(type: TestType): JsonObject {
  switch (type) {
    case "avalanche":
      return { test_type: type, message_count_per_driver: 1000 };
    case "tsunami":
      return { test_type: type, message_delay_ms: 10, message_count_per_driver: 1000 };
    case "arrivals":
      return {
        test_type: type,
        stages: [
          { name: "ramp", duration: "10s", from: 10, to: 200, measured: false },
          { name: "hold", duration: "20s", to: 200 },
        ],
      };
  }
}

/** Returns a load of another type that keeps of the old one what both have. */
export function loadFrom(type: TestType, known: JsonObject | undefined, old: Json): JsonObject {
  const load = known ?? loadOf(type);
  const count =
    typeof old === "object" && old !== null && !Array.isArray(old)
      ? old.message_count_per_driver
      : undefined;
  if (count === undefined || !("message_count_per_driver" in load)) return load;
  return { ...load, message_count_per_driver: count };
}
