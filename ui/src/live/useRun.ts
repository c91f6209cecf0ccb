import { useEffect, useState, useSyncExternalStore } from "react";
import { CLOCKS } from "./clocks";
import { follow } from "./follow";
import { type Known, RunStore } from "./store";

/** Follows a run for as long as the component is there. */
export function useRun(runId: string): Known {
  const [store] = useState(() => new RunStore(runId, CLOCKS.wallMs() - CLOCKS.nowMs()));
  useEffect(() => {
    const ending = new AbortController();
    void follow(store, ending.signal, CLOCKS);
    return () => ending.abort();
  }, [store]);
  return useSyncExternalStore(store.subscribe, store.get);
}
