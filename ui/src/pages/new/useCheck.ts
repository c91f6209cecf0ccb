import { useEffect, useState } from "react";
import { asApiError, isAbort, send } from "../../api/call";
import type { ApiError } from "../../api/problem";
import type { PlanErrors, PlanPreview, ProblemDetail } from "../../api/schema";
import type { JsonObject } from "./json";

/** What the orchestrator says of a plan.
 *
 * `preview` is that of the newest plan without errors, for `drivers` drivers; `errors` are those of
 * `plan`, the newest that was checked. `failure` is set while nobody answers. */
export type Check = {
  plan: JsonObject | null;
  errors: readonly ProblemDetail[];
  preview: PlanPreview | null;
  drivers: number;
  failure: ApiError | null;
};

const UNCHECKED: Check = { plan: null, errors: [], preview: null, drivers: 1, failure: null };
const AFTER_MS = 200;
const AGAIN_AFTER_MS = 2_000;

/** Has a plan checked a moment after it was last changed, for so many drivers. */
export function useCheck(plan: JsonObject, drivers: number): Check {
  const [check, setCheck] = useState<Check>(UNCHECKED);
  useEffect(() => {
    const ending = new AbortController();
    let timer = setTimeout(ask, AFTER_MS);
    async function ask() {
      try {
        const answer = await send<PlanErrors | PlanPreview>(
          "POST",
          "/plans/validate",
          { plan, drivers },
          { signal: ending.signal },
        );
        setCheck((before) =>
          "errors" in answer
            ? { ...before, plan, errors: answer.errors, failure: null }
            : { plan, errors: [], preview: answer, drivers, failure: null },
        );
      } catch (error) {
        if (isAbort(error)) return;
        const failure = asApiError(error);
        setCheck((before) => ({ ...before, failure }));
        if (failure.mayPass) timer = setTimeout(ask, AGAIN_AFTER_MS);
      }
    }
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [plan, drivers]);
  return check;
}
