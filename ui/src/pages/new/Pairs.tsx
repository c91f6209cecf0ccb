import { useState } from "react";
import { Button } from "../../parts/Button";
import { Wrongs } from "../../parts/Field";
import { errorsAt, useDesk } from "./desk";
import { same } from "./json";
import { mappingOf, type Pair, pairProblem, pairsOf } from "./pairs";
import { at, type Path, pathText } from "./path";
import "./Pairs.css";

type Props = {
  path: Path;
  /** What is listed, and what one of it is called. */
  title: string;
  one: string;
  examples: readonly [key: string, value: string];
};

/** A mapping of the plan as rows of a name and a value. */
export function Pairs({ path, title, one, examples }: Props) {
  const desk = useDesk();
  const [typed, setTyped] = useState<readonly Pair[] | null>(null);
  const mapping = at(desk.plan, path);
  const pairs = typed !== null && same(mappingOf(typed), mapping) ? typed : pairsOf(mapping);
  const change = (next: readonly Pair[]) => {
    setTyped(next);
    desk.set(path, mappingOf(next));
  };
  const edit = (place: number, part: Partial<Pair>) =>
    change(pairs.map((pair, each) => (each === place ? { ...pair, ...part } : pair)));
  return (
    <fieldset className="pairs" data-path={pathText(path)} tabIndex={-1}>
      <legend className="field-label">{title}</legend>
      {pairs.map((pair, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows have no other identity than their place
        <div key={place} className="pairs-row">
          <input
            className="input"
            aria-label={`${one} ${place + 1}, name`}
            placeholder={examples[0]}
            spellCheck={false}
            autoComplete="off"
            value={pair.key}
            onChange={({ target }) => edit(place, { key: target.value })}
          />
          <input
            className="input"
            aria-label={`${one} ${place + 1}, value`}
            placeholder={examples[1]}
            spellCheck={false}
            autoComplete="off"
            value={pair.value}
            onChange={({ target }) => edit(place, { value: target.value })}
          />
          <Button
            className="button-sign"
            aria-label={`Remove ${one} ${place + 1}`}
            onClick={() => change(pairs.filter((_, each) => each !== place))}
          >
            ✕
          </Button>
          <Wrongs errors={problemsOf(pairs, place)} />
        </div>
      ))}
      <Wrongs errors={errorsAt(desk, path)} />
      <Button className="button-small" onClick={() => change([...pairs, { key: "", value: "" }])}>
        Add a {one}
      </Button>
    </fieldset>
  );
}

function problemsOf(pairs: readonly Pair[], place: number): string[] {
  const problem = pairProblem(pairs, place);
  return problem === null ? [] : [problem];
}
