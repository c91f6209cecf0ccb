import { Button } from "../../parts/Button";
import { Wrongs } from "../../parts/Field";
import { errorsAt, useDesk } from "./desk";
import { FlagField } from "./FlagField";
import { isObject, type Json } from "./json";
import { added, moved, removed } from "./list";
import { PlanField } from "./PlanField";
import { at, type Path } from "./path";
import { NUMBER_KIND, TEXT_KIND } from "./typed";
import "./Stages.css";

const STAGES: Path = ["load", "stages"];
const MOST = 64;

/** The stages of a rate, each after the one before it. */
export function Stages() {
  const desk = useDesk();
  const given = at(desk.plan, STAGES);
  const stages = Array.isArray(given) ? given : [];
  const change = (next: Json[]) => desk.set(STAGES, next);
  return (
    <fieldset className="stages" data-path="load.stages" tabIndex={-1}>
      <legend className="field-label">Stages</legend>
      <p className="field-hint">
        Rates are requests a second of the whole fleet. A stage begins where the one before it ends,
        unless it says otherwise: a step is two stages.
      </p>
      {stages.map((stage, place) => (
        <Stage
          // biome-ignore lint/suspicious/noArrayIndexKey: a stage is known by its place
          key={place}
          stage={stage}
          place={place}
          last={stages.length - 1}
          name={nameOf(stage, place)}
          begins={begins(stages, place)}
          onMove={(by) => change(moved(stages, place, by))}
          onRemove={() => change(removed(stages, place))}
        />
      ))}
      <Wrongs errors={errorsAt(desk, STAGES)} />
      <Button
        className="button-small"
        disabled={stages.length >= MOST}
        onClick={() => change(added(stages, newStage(stages)))}
      >
        Add a stage
      </Button>
    </fieldset>
  );
}

type Props = {
  stage: Json;
  place: number;
  last: number;
  name: string;
  /** The rate at which it begins by itself. */
  begins: string;
  onMove: (by: number) => void;
  onRemove: () => void;
};

function Stage({ stage, place, last, name, begins, onMove, onRemove }: Props) {
  const path = [...STAGES, place];
  const own = errorsAt(useDesk(), path);
  return (
    <fieldset className="stage" data-path={`load.stages[${place}]`} tabIndex={-1}>
      <legend className="unseen">Stage {name}</legend>
      <PlanField
        path={[...path, "name"]}
        label="Name"
        kind={TEXT_KIND}
        example={`stage-${place + 1}`}
      />
      <PlanField path={[...path, "duration"]} label="Duration" kind={TEXT_KIND} example="30s" />
      <PlanField
        path={[...path, "from"]}
        label="From"
        unit="/s"
        kind={NUMBER_KIND}
        example={begins}
      />
      <PlanField
        path={[...path, "to"]}
        label="To"
        unit="/s"
        kind={NUMBER_KIND}
        example={rateOf(stage) ?? begins}
      />
      <div className="stage-measured">
        <FlagField path={[...path, "measured"]} label="measured" standard={true} />
      </div>
      <div className="stage-orders">
        <Button
          className="button-sign"
          disabled={place === 0}
          aria-label={`Move stage ${name} up`}
          onClick={() => onMove(-1)}
        >
          ↑
        </Button>
        <Button
          className="button-sign"
          disabled={place === last}
          aria-label={`Move stage ${name} down`}
          onClick={() => onMove(1)}
        >
          ↓
        </Button>
        <Button
          className="button-sign"
          disabled={last === 0}
          aria-label={`Remove stage ${name}`}
          onClick={onRemove}
        >
          ✕
        </Button>
      </div>
      <Wrongs errors={own} />
    </fieldset>
  );
}

function nameOf(stage: Json, place: number): string {
  const name = isObject(stage) ? stage.name : undefined;
  return typeof name === "string" ? name : `stage-${place + 1}`;
}

/** Returns the rate at which a stage says that it begins. */
function rateOf(stage: Json): string | undefined {
  const from = isObject(stage) ? stage.from : undefined;
  return from === undefined ? undefined : String(from);
}

/** Returns where the stage before a place ends: the rate at which it begins by itself. */
function begins(stages: readonly Json[], place: number): string {
  for (let before = place - 1; before >= 0; before -= 1) {
    const stage = stages[before];
    const ends = isObject(stage) ? (stage.to ?? stage.from) : undefined;
    if (ends !== undefined) return String(ends);
  }
  return "100";
}

function newStage(stages: readonly Json[]): Json {
  return stages.length === 0 ? { duration: "30s", from: 100 } : { duration: "30s" };
}
