import { type ReactNode, useId } from "react";
import { Wrongs } from "../../parts/Field";
import { errorsAt, useDesk } from "./desk";
import { at, type Path, pathText } from "./path";

type Props = { path: Path; label: ReactNode; standard: boolean };

/** A field of the plan that is true or false; `standard` is what holds by itself. */
export function FlagField({ path, label, standard }: Props) {
  const desk = useDesk();
  const id = useId();
  const errors = errorsAt(desk, path);
  const value = at(desk.plan, path) ?? standard;
  return (
    <div>
      <label className="check">
        <input
          type="checkbox"
          data-path={pathText(path)}
          checked={value === true}
          aria-invalid={errors.length > 0 || undefined}
          aria-describedby={errors.length > 0 ? id : undefined}
          onChange={({ target }) =>
            desk.set(path, target.checked === standard ? undefined : target.checked)
          }
        />
        <span>{label}</span>
      </label>
      <Wrongs id={id} errors={errors} />
    </div>
  );
}
