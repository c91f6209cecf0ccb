import { Link } from "wouter";
import { useResource } from "../../api/resource";
import type { RunList } from "../../api/schema";
import { Button } from "../../parts/Button";
import { Failure } from "../../parts/Failure";
import { Notice } from "../../parts/Notice";
import { UNDER_WAY } from "../runs/filters";
import type { Placed } from "./places";
import { startWords } from "./startWords";
import type { Check } from "./useCheck";
import type { Start } from "./useStart";
import "./StartBar.css";

const WAITING = `/runs?limit=20&${UNDER_WAY.map((state) => `state=${state}`).join("&")}`;
const ASK_EVERY_MS = 3_000;

type Props = {
  check: Check;
  wrong: Placed;
  broken: boolean;
  eligible: number | null;
  /** How many drivers the plan waits for. */
  least: number;
  start: Start;
  /** The id of the form that it sends, as Enter in a field does. */
  form: string;
};

/** The button that starts the run, and what stands in its way. */
export function StartBar({ check, wrong, broken, eligible, least, start, form }: Props) {
  const runs = useResource<RunList>(WAITING, ASK_EVERY_MS);
  const before = runs.data?.runs ?? [];
  const wrongs = [...wrong.at.values()].reduce((sum, each) => sum + each.length, 0);
  return (
    <div className="start">
      <div className="start-line">
        <Button kind="main" type="submit" form={form} disabled={start.starting || broken}>
          {start.starting ? "Starting …" : "Start run"}
        </Button>
        <p className="start-words" role="status">
          {startWords({ broken, wrongs, before: before.length, eligible, least })}
        </p>
      </div>
      {wrong.others.length > 0 && (
        <Notice kind="failed" title="This has no place in the form">
          <ul className="start-others">
            {wrong.others.map(({ path, message }) => (
              <li key={`${path} ${message}`}>
                {path !== "" && <code>{path}</code>} {message}
              </li>
            ))}
          </ul>
        </Notice>
      )}
      {start.error !== null && start.error.status !== 422 && <Refused start={start} />}
      {start.error === null && check.failure !== null && <Failure error={check.failure} />}
    </div>
  );
}

function Refused({ start: { error } }: { start: Start }) {
  if (error === null) return null;
  if (error.status === 409) {
    return (
      <Notice kind="failed" title={error.title} urgent>
        <p>
          {error.message}. Nothing was started, and what you typed is kept. Wait for one of{" "}
          <Link href="/runs">the runs</Link>, or end one.
        </p>
      </Notice>
    );
  }
  if (error.mayPass) {
    return (
      <Notice kind="failed" title={error.title} urgent>
        <p>
          {error.status === 0 ? "It may have been started or not." : `${error.message}.`} What you
          typed is kept: press Start run again. It makes one run, never two.
        </p>
      </Notice>
    );
  }
  return <Failure error={error} />;
}
