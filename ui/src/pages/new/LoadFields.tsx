import { Wrongs } from "../../parts/Field";
import { TEST_TYPES } from "./beginning";
import { ConnectionsField } from "./ConnectionsField";
import { errorsAt, useDesk } from "./desk";
import { PlanField } from "./PlanField";
import { at, type Path } from "./path";
import { Stages } from "./Stages";
import { NUMBER_KIND } from "./typed";
import "./LoadFields.css";

const TYPE: Path = ["load", "test_type"];

/** How much load, and in what order. */
export function LoadFields() {
  const desk = useDesk();
  const type = at(desk.plan, TYPE);
  return (
    <>
      <fieldset className="types" data-path="load" tabIndex={-1}>
        <legend className="field-label">Test type</legend>
        {TEST_TYPES.map((each) => (
          <label key={each.type} className="types-one">
            <input
              type="radio"
              name="test-type"
              data-path={type === each.type ? "load.test_type" : undefined}
              checked={type === each.type}
              onChange={() => desk.setTestType(each.type)}
            />
            <span>
              <strong>{each.type}</strong>
              <span className="types-means">{each.means}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <Wrongs errors={[...errorsAt(desk, ["load"]), ...errorsAt(desk, TYPE)]} />
      {type === "tsunami" && (
        <div className="form-pair">
          <Delay />
          <Count />
        </div>
      )}
      {type === "avalanche" && (
        <div className="form-pair">
          <Count />
          <ConnectionsField closed />
        </div>
      )}
      {type === "arrivals" && <Stages />}
    </>
  );
}

function Delay() {
  const desk = useDesk();
  const delay = at(desk.plan, ["load", "message_delay_ms"]);
  const perS = typeof delay === "number" && delay > 0 ? 1000 / delay : null;
  return (
    <PlanField
      path={["load", "message_delay_ms"]}
      label="Message delay"
      unit="ms"
      kind={NUMBER_KIND}
      example="10"
      look="short"
      hint={
        perS === null
          ? "From one request of a driver to its next, such as 10 or 0.5."
          : `From one request to the next: ${Number(perS.toPrecision(3)).toLocaleString("en-US")} a second from each driver.`
      }
    />
  );
}

function Count() {
  return (
    <PlanField
      path={["load", "message_count_per_driver"]}
      label="Messages"
      unit="per driver"
      kind={NUMBER_KIND}
      example="1000"
      look="short"
      hint="How many requests each driver sends in all."
    />
  );
}
