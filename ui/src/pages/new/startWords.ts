import { count } from "../../numbers/digits";
import type { JsonObject } from "./json";
import { at } from "./path";

/** What stands between a plan and its run. `eligible` is null while the fleet is not known. */
export type Standing = {
  broken: boolean;
  wrongs: number;
  before: number;
  eligible: number | null;
  least: number;
};

/** Returns how many drivers a plan waits for; what is no number there has an error of its own. */
export function leastDrivers(plan: JsonObject): number {
  const least = at(plan, ["drivers", "min"]);
  return typeof least === "number" ? least : 1;
}

/** Says what will happen when Start run is pressed; pure. */
export function startWords({ broken, wrongs, before, eligible, least }: Standing): string {
  if (broken) return "The YAML cannot be read.";
  if (wrongs > 0) {
    return wrongs === 1 ? "1 place needs mending." : `${wrongs} places need mending.`;
  }
  if (before === 1) return "It waits for the run under way.";
  if (before > 1) return `It waits for the ${count(before)} runs before it.`;
  if (eligible !== null && eligible < least) {
    const there =
      eligible === 0 ? "none is" : `${count(eligible)} ${eligible === 1 ? "is" : "are"}`;
    return `It waits for ${least === 1 ? "a driver" : `${count(least)} drivers`}: ${there} ready.`;
  }
  return "It begins in a few seconds.";
}
