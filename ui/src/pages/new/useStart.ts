import { useRef, useState } from "react";
import { asApiError, send } from "../../api/call";
import type { ApiError } from "../../api/problem";
import type { RunView } from "../../api/schema";
import { type JsonObject, same } from "./json";

/** The start of a run: whether it is under way, and why it did not go well. */
export type Start = {
  starting: boolean;
  error: ApiError | null;
  /** The plan that the error is about. */
  plan: JsonObject | null;
  start: (plan: JsonObject) => Promise<void>;
};

/** Starts runs. The same plan, tried again after an error, makes one run and never two. */
export function useStart(onStarted: (runId: string) => void): Start {
  const [state, setState] = useState<Pick<Start, "starting" | "error" | "plan">>({
    starting: false,
    error: null,
    plan: null,
  });
  const tried = useRef<{ plan: JsonObject; key: string } | null>(null);
  const start = async (plan: JsonObject) => {
    if (tried.current === null || !same(tried.current.plan, plan)) {
      tried.current = { plan, key: newKey() };
    }
    setState({ starting: true, error: null, plan });
    try {
      const headers = { "Idempotency-Key": tried.current.key };
      const view = await send<RunView>("POST", "/runs", { plan }, { headers });
      onStarted(view.run.id);
    } catch (error) {
      setState({ starting: false, error: asApiError(error), plan });
    }
  };
  return { ...state, start };
}

/** Random; not by `randomUUID`, which is missing where the page does not come over https. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
