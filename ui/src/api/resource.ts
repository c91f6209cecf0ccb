import { useCallback, useEffect, useState } from "react";
import { asApiError, get, isAbort } from "./call";
import type { ApiError } from "./problem";

/** What is known of something that is asked for.
 *
 * `data` is the newest answer, and stays when a later call fails: then `error` is set as well, and
 * `atMs` (of the monotonic clock) says how old the answer is. `reload` asks again at once. */
export type Resource<T> = {
  data: T | null;
  error: ApiError | null;
  atMs: number | null;
  reload: () => void;
};

type Known<T> = {
  path: string | null;
  data: T | null;
  error: ApiError | null;
  atMs: number | null;
};

/** Asks for a path now, and again `everyMs` after each answer; a null path asks nothing. */
export function useResource<T>(path: string | null, everyMs?: number): Resource<T> {
  const [known, setKnown] = useState<Known<T>>({ path, data: null, error: null, atMs: null });
  const [asked, setAsked] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `asked` is counted up to ask again
  useEffect(() => {
    if (path === null) return;
    const ending = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      try {
        const data = await get<T>(path, ending.signal);
        setKnown({ path, data, error: null, atMs: performance.now() });
      } catch (error) {
        if (isAbort(error)) return;
        setKnown((before) => ({
          ...(before.path === path ? before : { path, data: null, atMs: null }),
          error: asApiError(error),
        }));
      }
      if (everyMs !== undefined) timer = setTimeout(ask, everyMs);
    };
    void ask();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, asked]);
  const reload = useCallback(() => setAsked((times) => times + 1), []);
  // What was said of another path says nothing of this one.
  return known.path === path
    ? { data: known.data, error: known.error, atMs: known.atMs, reload }
    : { data: null, error: null, atMs: null, reload };
}
