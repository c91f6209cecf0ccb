import { useEffect, useState } from "react";
import { asApiError, get, isAbort } from "../../api/call";
import type { ApiError } from "../../api/problem";
import { useResource } from "../../api/resource";
import type { RunList, RunRow } from "../../api/schema";
import { type Filters, pathOf } from "./filters";
import { continued, merged } from "./rows";

const ASK_EVERY_MS = 2_000;

/** The runs as far as they were asked for. `more` asks for older ones; null: there are none. */
export type Runs = {
  rows: readonly RunRow[] | null;
  error: ApiError | null;
  more: (() => Promise<void>) | null;
};

type Older = { path: string; rows: readonly RunRow[]; cursor: string | null; asked: boolean };

/** Lists runs; the newest are asked for again and again. */
export function useRuns(filters: Filters): Runs {
  const path = pathOf(filters, null);
  const { data, error: refusal } = useResource<RunList>(path, ASK_EVERY_MS);
  const [older, setOlder] = useState<Older>({ path, rows: [], cursor: null, asked: false });
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    if (data === null) return;
    setOlder((before) => {
      const same = before.path === path;
      return {
        path,
        rows: merged(same ? before.rows : [], data),
        // Where the list goes on is known best by the last page that was asked for.
        cursor: same && before.asked ? before.cursor : data.next_cursor,
        asked: same && before.asked,
      };
    });
  }, [path, data]);
  const isOf = older.path === path && data !== null;
  const { cursor } = older;
  const more = async () => {
    try {
      const page = await get<RunList>(pathOf(filters, cursor));
      setError(null);
      setOlder((before) =>
        before.path === path
          ? { path, rows: continued(before.rows, page.runs), cursor: page.next_cursor, asked: true }
          : before,
      );
    } catch (problem) {
      if (!isAbort(problem)) setError(asApiError(problem));
    }
  };
  return {
    rows: isOf ? older.rows : null,
    error: refusal ?? error,
    more: isOf && cursor !== null ? more : null,
  };
}
