import { useMemo } from "react";
import { Link } from "wouter";
import type { Fleet } from "../../api/schema";
import { Chart } from "../../charts/Chart";
import { ChartGroup } from "../../charts/ChartGroup";
import type { ChartSpec } from "../../charts/line";
import { MarkStrip } from "../../charts/MarkStrip";
import { count } from "../../numbers/digits";
import { rate, text } from "../../numbers/figure";
import { clock } from "../../numbers/instant";
import { at } from "./path";
import { courseOf, stageMarks } from "./preview";
import type { Check } from "./useCheck";
import "./Preview.css";

type Props = { check: Check; fleet: Fleet | null };

/** What the plan would do with the drivers that are there, drawn. */
export function Preview({ check, fleet }: Props) {
  const { preview, drivers, plan, errors } = check;
  const course = useMemo(
    () => (preview === null ? null : courseOf(preview, drivers)),
    [preview, drivers],
  );
  const spec = useMemo<ChartSpec>(
    () => ({
      title: "Planned rate",
      lines: [
        { label: "fleet", colour: "sent", values: course?.fleet ?? [] },
        { label: "each driver", colour: "planned", values: course?.driver ?? [], style: "thin" },
      ],
      show: rate,
    }),
    [course],
  );
  const stages = plan === null || errors.length > 0 ? undefined : at(plan, ["load", "stages"]);
  const marks = useMemo(() => stageMarks(stages), [stages]);
  if (preview === null || course === null) {
    return <p className="soft">{unseen(check)}</p>;
  }
  const isClosed = preview.duration_s === null;
  return (
    <>
      <dl className="preview-facts">
        <Fact name="requests" value={count(preview.count)} />
        <Fact
          name="duration"
          value={preview.duration_s === null ? "as long as it takes" : clock(preview.duration_s)}
        />
        <Fact
          name="peak rate"
          value={isClosed ? "what the target takes" : text(rate(preview.peak_rate_per_s))}
        />
      </dl>
      {isClosed ? (
        <p className="preview-closed">
          Each driver sends its next request when one of its connections is free. How fast that goes
          is the target's doing, so there is no rate to draw.
        </p>
      ) : (
        <ChartGroup label="The planned rate over time" seconds={course.seconds} marks={marks}>
          {marks.length > 0 && <MarkStrip />}
          <Chart spec={spec} heightPx={150} />
        </ChartGroup>
      )}
      <p className="preview-fleet soft">
        {errors.length > 0 && "Of the plan before it had errors. "}
        <Drivers drivers={drivers} fleet={fleet} />
      </p>
    </>
  );
}

/** Says why there is nothing to be seen. */
function unseen({ plan, failure }: Check): string {
  if (failure !== null) return "There is no preview while the plan cannot be checked.";
  if (plan === null) return "Checking the plan …";
  return "The preview is drawn as soon as the plan has no errors.";
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-fact={name}>{value}</dd>
    </div>
  );
}

function Drivers({ drivers, fleet }: { drivers: number; fleet: Fleet | null }) {
  const words = drivers === 1 ? "1 driver" : `${count(drivers)} drivers`;
  if (fleet !== null && fleet.eligible === 0) {
    return (
      <>
        No driver is ready: drawn for {words}. <Link href="/fleet">The fleet</Link> says why.
      </>
    );
  }
  return (
    <>
      With the {words} of <Link href="/fleet">the fleet</Link> now.
    </>
  );
}
