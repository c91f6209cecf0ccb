import { useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import { Button } from "../../parts/Button";
import { Failure } from "../../parts/Failure";
import { Frame } from "../../parts/Frame";
import { type Filters, filtersOf, isNarrowed, searchOf } from "./filters";
import { RunFilters } from "./RunFilters";
import { RunTable } from "./RunTable";
import { chosenAfter, liveFirst } from "./rows";
import { useRuns } from "./useRuns";
import "./RunsPage.css";

/** All runs, those under way first. */
export function RunsPage() {
  const [search, setSearch] = useSearchParams();
  const [, goTo] = useLocation();
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const filters = filtersOf(search);
  const { rows, error, more } = useRuns(filters);
  const shown = liveFirst(rows ?? []);
  const [first, second] = chosen;
  const change = (next: Filters) => setSearch(searchOf(next), { replace: true });
  return (
    <Frame title="Runs">
      <div className="runs-head">
        <h1>Runs</h1>
        <Link href="/new" className="button button-main">
          New run
        </Link>
      </div>
      <RunFilters filters={filters} onChange={change} />
      {error !== null && <Failure error={error} />}
      {rows === null ? (
        error === null && <p className="soft">Looking for runs …</p>
      ) : shown.length === 0 ? (
        <Empty narrowed={isNarrowed(filters)} />
      ) : (
        <>
          <div className="runs-compare">
            <Button
              disabled={second === undefined}
              onClick={() =>
                goTo(`/compare?${new URLSearchParams({ a: first ?? "", b: second ?? "" })}`)
              }
            >
              Compare the two chosen
            </Button>
            <p className="soft" role="status">
              {chosen.length === 0
                ? "Choose two that have ended."
                : chosen.length === 1
                  ? `${first} is chosen; choose another.`
                  : `${first} with ${second}.`}
            </p>
          </div>
          <RunTable
            rows={shown}
            chosen={chosen}
            onChoose={(id) => setChosen((before) => chosenAfter(before, id))}
          />
        </>
      )}
      {more !== null && (
        <div className="runs-more">
          <Button onClick={() => void more()}>Show older runs</Button>
        </div>
      )}
    </Frame>
  );
}

function Empty({ narrowed }: { narrowed: boolean }) {
  if (narrowed) {
    return (
      <p className="runs-empty">
        No run is like that. <Link href="/runs">Show all runs</Link>.
      </p>
    );
  }
  return (
    <div className="runs-empty">
      <p>Nothing has run here yet.</p>
      <p className="soft">
        <Link href="/new">New run</Link> begins with a plan that works at once: ten seconds of load
        on the sample target.
      </p>
    </div>
  );
}
