import { type ReactNode, useMemo } from "react";
import { Link, useSearchParams } from "wouter";
import type { ApiError } from "../../api/problem";
import { useResource } from "../../api/resource";
import type { Report } from "../../api/schema";
import { Chart } from "../../charts/Chart";
import { ChartGroup } from "../../charts/ChartGroup";
import { instant } from "../../numbers/instant";
import { Button } from "../../parts/Button";
import { Failure } from "../../parts/Failure";
import { FigureText } from "../../parts/FigureText";
import { Frame } from "../../parts/Frame";
import { Notice } from "../../parts/Notice";
import { type Column, Table } from "../../parts/Table";
import { AxisLine } from "../run/AxisLine";
import { type Difference, differences, drivenBy } from "./differences";
import { endS, overlayOf } from "./overlay";
import { type PlanDifference, planDifferences } from "./planDifferences";
import "./ComparePage.css";

/** Two runs that have ended, laid over each other. */
export function ComparePage() {
  const [search, setSearch] = useSearchParams();
  const [a, b] = [search.get("a") ?? "", search.get("b") ?? ""];
  const [of, and] = [useReport(a), useReport(b)];
  return (
    <Frame title="Compare">
      <div className="compare-top">
        <h1>Compare</h1>
        {of.data !== null && and.data !== null && (
          <Button onClick={() => setSearch({ a: b, b: a }, { replace: true })}>Swap A and B</Button>
        )}
      </div>
      {a === "" || b === "" ? (
        <Notice kind="plain" title="Two runs are needed">
          <p>
            Choose them in the list of <Link href="/runs">all runs</Link>.
          </p>
        </Notice>
      ) : (
        <>
          <Trouble id={a} error={of.error} onRetry={of.reload} />
          <Trouble id={b} error={and.error} onRetry={and.reload} />
          {of.data !== null && and.data !== null ? (
            <Compared a={of.data} b={and.data} />
          ) : (
            of.error === null &&
            and.error === null && <p className="soft">Opening both reports …</p>
          )}
        </>
      )}
    </Frame>
  );
}

type TroubleProps = { id: string; error: ApiError | null; onRetry: () => void };

function useReport(id: string) {
  return useResource<Report>(id === "" ? null : `/runs/${encodeURIComponent(id)}/report`);
}

function Trouble({ id, error, onRetry }: TroubleProps): ReactNode {
  if (error === null) return null;
  if (error.status === 409) {
    return (
      <Notice kind="plain" title={`${id} has not ended`}>
        <p>
          Only runs that have ended are compared. <Link href={`/runs/${id}`}>Watch it</Link>.
        </p>
      </Notice>
    );
  }
  return <Failure error={error} onRetry={onRetry} />;
}

function Compared({ a, b }: { a: Report; b: Report }) {
  const { seconds, endS: end, specs, thinned } = useMemo(() => overlayOf(a, b), [a, b]);
  const plans = useMemo(() => planDifferences(a.run.plan, b.run.plan), [a, b]);
  return (
    <>
      <div className="compare-heads">
        <Head letter="A" report={a} />
        <Head letter="B" report={b} />
      </div>
      <ChartGroup label="Both runs over time" seconds={seconds} endS={end} marks={[]}>
        <h2>Over time</h2>
        {thinned.map((words) => (
          <p key={words} className="soft">
            {words}
          </p>
        ))}
        <AxisLine
          last={endS(a) === endS(b) ? "the last second" : "the last second of the longer run"}
        />
        <div className="compare-charts">
          {specs.map((spec) => (
            <Chart key={spec.title} spec={spec} heightPx={150} />
          ))}
        </div>
      </ChartGroup>
      <section className="section">
        <h2>Figures</h2>
        <Table
          caption="Figures"
          columns={FIGURES}
          rows={differences(a, b)}
          keyOf={({ name }) => name}
          empty=""
        />
      </section>
      <section className="section">
        <h2>Plans</h2>
        <Table
          caption="Plans"
          columns={PLANS}
          rows={plans}
          keyOf={({ path }) => path}
          empty="Both ran the same plan."
        />
      </section>
    </>
  );
}

function Head({ letter, report }: { letter: "A" | "B"; report: Report }) {
  const { run, verdict } = report;
  return (
    <section className="compare-head" aria-label={`Run ${letter}`}>
      <p className="compare-name">
        <span className={`compare-letter compare-${letter.toLowerCase()}`}>{letter}</span>{" "}
        <Link href={`/runs/${run.id}`}>{run.name}</Link>{" "}
        <span className={verdict.passed ? undefined : "compare-bad"}>
          {verdict.passed ? "✓ passed" : "✕ not passed"}
        </span>
      </p>
      <p className="soft">
        <span className="mono">{run.id}</span> · {run.state} · {drivenBy(report)} ·{" "}
        {instant(run.started_at ?? run.created_at)}
      </p>
      {verdict.degraded.length > 0 && (
        <p className="compare-doubts">
          ⚠{" "}
          {verdict.degraded.length === 1
            ? "There is a reason not to trust it."
            : `There are ${verdict.degraded.length} reasons not to trust it.`}
        </p>
      )}
    </section>
  );
}

const FIGURES: readonly Column<Difference>[] = [
  { key: "figure", head: "figure", kind: "words", cell: ({ name }) => name },
  { key: "a", head: "A", cell: ({ a }) => <FigureText figure={a} /> },
  { key: "b", head: "B", cell: ({ b }) => <FigureText figure={b} /> },
  { key: "by", head: "B − A", cell: ({ absolute }) => absolute },
  { key: "share", head: "of A", cell: ({ relative }) => relative },
];

const PLANS: readonly Column<PlanDifference>[] = [
  { key: "path", head: "place", kind: "words", cell: ({ path }) => <code>{path}</code> },
  { key: "a", head: "A", kind: "prose", cell: ({ a }) => a ?? "–" },
  { key: "b", head: "B", kind: "prose", cell: ({ b }) => b ?? "–" },
];
