import { type ReactNode, useId } from "react";
import "./Field.css";

/** What ties a control to the words around it. */
export type Tie = { id: string; "aria-describedby"?: string; "aria-invalid"?: true };

type Props = {
  label: string;
  /** Stands behind the control. */
  unit?: string | undefined;
  /** Says what the control is for, and an example. */
  hint?: ReactNode;
  errors?: readonly string[];
  className?: string;
  children: (tie: Tie) => ReactNode;
};

/** A control with its label, its unit, a hint, and what is wrong with it. */
export function Field({ label, unit, hint, errors = [], className = "", children }: Props) {
  const id = useId();
  const hinted = hint === undefined ? [] : [`${id}-hint`];
  const wrong = errors.length > 0;
  const said = [...(wrong ? [`${id}-errors`] : []), ...hinted].join(" ");
  return (
    <div className={`field ${wrong ? "field-wrong" : ""} ${className}`}>
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      <div className="field-control">
        {children({
          id,
          ...(said === "" ? {} : { "aria-describedby": said }),
          ...(wrong ? { "aria-invalid": true } : {}),
        })}
        {unit !== undefined && <span className="field-unit">{unit}</span>}
      </div>
      <Wrongs id={`${id}-errors`} errors={errors} />
      {hint !== undefined && (
        <p className="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** Says what is wrong, at its place. */
export function Wrongs({ id, errors }: { id?: string; errors: readonly string[] }) {
  if (errors.length === 0) return null;
  return (
    <ul className="field-errors" id={id}>
      {errors.map((error) => (
        <li key={error}>{error}</li>
      ))}
    </ul>
  );
}
