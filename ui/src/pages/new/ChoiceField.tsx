import type { ReactNode } from "react";
import { Field } from "../../parts/Field";
import { errorsAt, useDesk } from "./desk";
import { at, type Path, pathText } from "./path";

type Props = {
  path: Path;
  label: string;
  hint?: ReactNode;
  /** The values to choose from, with their words; the first is what holds by itself. */
  options: readonly (readonly [value: string, words: string])[];
};

/** A field of the plan that has one of a few values. */
export function ChoiceField({ path, label, hint, options }: Props) {
  const desk = useDesk();
  const [standard = ""] = options[0] ?? [];
  const given = at(desk.plan, path);
  const value = given === undefined ? standard : String(given);
  const isKnown = options.some(([each]) => each === value);
  return (
    <Field label={label} hint={hint} errors={errorsAt(desk, path)}>
      {(tie) => (
        <select
          {...tie}
          className="input"
          data-path={pathText(path)}
          value={value}
          onChange={({ target }) =>
            desk.set(path, target.value === standard ? undefined : target.value)
          }
        >
          {options.map(([each, words]) => (
            <option key={each} value={each}>
              {words}
            </option>
          ))}
          {!isKnown && <option value={value}>{value}</option>}
        </select>
      )}
    </Field>
  );
}
