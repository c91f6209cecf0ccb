import { useEffect, useState } from "react";

/** Returns the monotonic clock, read anew `everyMs`; null: it is not read again. */
export function useNow(everyMs: number | null): number {
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    if (everyMs === null) return;
    const timer = setInterval(() => setNowMs(performance.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return nowMs;
}
