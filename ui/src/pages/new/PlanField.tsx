import { type ReactNode, useState } from "react";
import { Field } from "../../parts/Field";
import { errorsAt, useDesk } from "./desk";
import { same } from "./json";
import { at, type Path, pathText } from "./path";
import type { Kind } from "./typed";

type Props = {
  path: Path;
  label: string;
  kind: Kind;
  unit?: string;
  hint?: ReactNode;
  /** What holds, or could be written, while nothing is typed. */
  example?: string;
  look?: "short" | "long" | "mono";
  /** So many lines can be typed. */
  lines?: number;
  /** The id of a list of suggestions. */
  list?: string;
};

/** A field of the plan. What is typed stays as it is for as long as it means what the plan says. */
export function PlanField(props: Props) {
  const { path, label, kind, unit, hint, example, look = "long", lines, list } = props;
  const desk = useDesk();
  const [typed, setTyped] = useState<string | null>(null);
  const value = at(desk.plan, path);
  const shown = typed !== null && same(kind.read(typed), value) ? typed : kind.write(value);
  const change = (text: string) => {
    setTyped(text);
    desk.set(path, kind.read(text));
  };
  return (
    <Field label={label} unit={unit} hint={hint} errors={errorsAt(desk, path)}>
      {(tie) => {
        const control = {
          ...tie,
          className: `input input-${look}`,
          "data-path": pathText(path),
          value: shown,
          placeholder: example,
          spellCheck: false,
          autoComplete: "off",
        };
        return lines === undefined ? (
          <input
            {...control}
            type="text"
            list={list}
            onChange={(event) => change(event.target.value)}
          />
        ) : (
          <textarea {...control} rows={lines} onChange={(event) => change(event.target.value)} />
        );
      }}
    </Field>
  );
}
