import { useId } from "react";
import { Button } from "../../parts/Button";
import { Wrongs } from "../../parts/Field";
import { errorsAt, useDesk } from "./desk";
import type { Json } from "./json";
import { added, removed } from "./list";
import { PlanField } from "./PlanField";
import type { Kind } from "./typed";
import "./Thresholds.css";

const MOST = 64;

/** Thresholds that people set most. */
const EXAMPLES = [
  ...["response_time.p99 < 300ms", "response_time.max < 2s", "failed.rate < 1%"],
  ...["dropped.count == 0", "missed.count == 0", "lag.p99 < 10ms", "sent.count > 1000"],
];

/** An item of a list is never taken away by being empty: the API says that it is. */
const EXPRESSION_KIND: Kind = {
  read: (text) => text.trim(),
  write: (value) => (typeof value === "string" ? value : JSON.stringify(value ?? "")),
};

/** The rules that the run passes or does not. */
export function Thresholds() {
  const desk = useDesk();
  const { thresholds } = desk.plan;
  const given = Array.isArray(thresholds) ? thresholds : [];
  const list = useId();
  const change = (next: Json[]) => desk.set(["thresholds"], next.length === 0 ? undefined : next);
  const unused = EXAMPLES.filter((example) => !given.includes(example));
  return (
    <div data-path="thresholds" tabIndex={-1}>
      <datalist id={list}>
        {EXAMPLES.map((example) => (
          <option key={example} value={example} />
        ))}
      </datalist>
      {given.map((_, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a threshold is known by its place
        <div key={place} className="threshold">
          <PlanField
            path={["thresholds", place]}
            label={`Threshold ${place + 1}`}
            kind={EXPRESSION_KIND}
            look="mono"
            list={list}
            example="response_time.p99 < 300ms"
          />
          <Button
            className="button-sign"
            aria-label={`Remove threshold ${place + 1}`}
            onClick={() => change(removed(given, place))}
          >
            ✕
          </Button>
        </div>
      ))}
      <Wrongs errors={errorsAt(desk, ["thresholds"])} />
      {given.length === 0 && (
        <p className="soft">Without thresholds a run passes if it comes to its end.</p>
      )}
      <Button
        className="button-small"
        disabled={given.length >= MOST}
        onClick={() => change(added(given, unused[0] ?? ""))}
      >
        Add a threshold
      </Button>
      <p className="field-hint">
        A metric, a comparison, a value, of what is measured. Times: <code>response_time</code>,{" "}
        <code>service_time</code>, <code>wait_time</code>, <code>lag</code> with <code>.min</code>,{" "}
        <code>.mean</code>, <code>.p50</code> to <code>.p999</code>, <code>.max</code>; of one
        request: <code>{"response_time.p99{request=ping} < 300ms"}</code>. Counts: <code>sent</code>
        , <code>succeeded</code>, <code>failed</code>, <code>dropped</code>, <code>missed</code>,{" "}
        <code>unconfirmed</code> with <code>.count</code> or <code>.rate</code>.
      </p>
    </div>
  );
}
