import type { RunView, Window } from "../../api/schema";
import { FigureText } from "../../parts/FigureText";
import { bigNumbers } from "./bigNumbers";
import "./BigNumbers.css";

type Props = { view: RunView; windows: readonly Window[]; ended: boolean };

/** The five numbers that matter most, as large as they matter. */
export function BigNumbers({ view, windows, ended }: Props) {
  return (
    <dl className="big" aria-label={ended ? "The whole run" : "The newest second"}>
      {bigNumbers(view, windows, ended).map(({ name, figure, beside, bad }) => (
        <div key={name} className={bad ? "big-one big-bad" : "big-one"} data-number={name}>
          <dt>{name}</dt>
          <dd className="big-figure">
            <FigureText figure={figure} />
          </dd>
          <dd className="big-beside">{beside}</dd>
        </div>
      ))}
    </dl>
  );
}
