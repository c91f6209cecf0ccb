import type { Plan } from "../../api/schema";
import { count } from "../../numbers/digits";
import { rate, text } from "../../numbers/figure";
import { planSeconds } from "../../numbers/planDuration";

/** Returns how long a plan's load lasts, in seconds; null for closed load, which ends when it ends. */
export function lengthS({ load }: Plan): number | null {
  switch (load.test_type) {
    case "avalanche":
      return null;
    case "tsunami":
      return (load.message_count_per_driver * load.message_delay_ms) / 1000;
    case "arrivals":
      return load.stages.reduce((sum, stage) => sum + (planSeconds(stage.duration) ?? 0), 0);
  }
}

/** Says in a few words what load a plan asks for; `drivers` is null until it is known. */
export function loadWords({ load }: Plan, drivers: number | null): string {
  switch (load.test_type) {
    case "avalanche":
      return `avalanche, ${count(load.message_count_per_driver)} a driver as fast as they go`;
    case "tsunami": {
      const each = 1000 / load.message_delay_ms;
      const all = drivers === null ? "" : `, ${text(rate(each * drivers))} in all`;
      return `tsunami, ${text(rate(each))} a driver${all}`;
    }
    case "arrivals":
      return `arrivals, ${ratesOf(load.stages)}${load.spacing === "poisson" ? ", poisson" : ""}`;
  }
}

type Ends = { from?: number; to?: number };

/** Returns the rates that stages go through: `100 → 1,000 /s`. */
function ratesOf(stages: readonly Ends[]): string {
  const rates = stages.flatMap(({ from, to }) => [from, to]).filter((each) => each !== undefined);
  const steps = rates.filter((each, at) => each !== rates[at - 1]);
  const shown = steps.length > 5 ? [...steps.slice(0, 4), null, steps.at(-1)] : steps;
  return shown.map((each) => (each == null ? "…" : text(rate(each)))).join(" → ");
}
