import type { RunState } from "../../api/words";

/** How a state is shown: a sign, and what it means. The word is the state's own. */
export type StateWords = { sign: string; means: string; tone: "plain" | "moving" | "bad" };

const WORDS: Record<RunState, StateWords> = {
  PENDING: { sign: "○", means: "waits for the run before it", tone: "plain" },
  PREPARING: { sign: "◔", means: "drivers get their parts and connect", tone: "plain" },
  READY: { sign: "◑", means: "every driver knows its part", tone: "plain" },
  RUNNING: { sign: "▶", means: "load is being sent", tone: "moving" },
  DRAINING: {
    sign: "▽",
    means: "nothing new is sent, what is in flight is finished",
    tone: "moving",
  },
  FINISHED: { sign: "■", means: "all is done and accounted for", tone: "plain" },
  FAILED: { sign: "✕", means: "it could not go on", tone: "bad" },
  ABORTED: { sign: "⊘", means: "ended at once", tone: "bad" },
};

/** Returns how a state is shown. */
export function stateWords(state: RunState): StateWords {
  return WORDS[state];
}

/** Whether a run in this state can be stopped or aborted. */
export function isUnderWay(state: RunState): boolean {
  return state !== "FINISHED" && state !== "FAILED" && state !== "ABORTED";
}
