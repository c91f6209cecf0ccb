import { Button } from "../../parts/Button";
import { Field } from "../../parts/Field";

type Props = {
  /** null while it is not known yet how to write it. */
  text: string | null;
  error: string | null;
  onEdit: (text: string) => void;
  /** Takes the plan of the form again. */
  onDiscard: () => void;
};

/** The same plan as YAML, for `spate run`, a repository, or a colleague; it can be edited here too. */
export function PlanText({ text, error, onEdit, onDiscard }: Props) {
  return (
    <div className="plan-text">
      <Field
        label="The plan as YAML"
        errors={error === null ? [] : [error]}
        hint={
          error === null ? (
            <>
              Edit it here or in the form; <code>spate run plan.yaml</code> takes it as well.
            </>
          ) : (
            "The form waits until the text can be read again."
          )
        }
      >
        {(tie) => (
          <textarea
            {...tie}
            className="input input-mono plan-text-area"
            spellCheck={false}
            autoComplete="off"
            wrap="off"
            rows={Math.min(30, Math.max(12, (text ?? "").split("\n").length))}
            disabled={text === null}
            value={text ?? ""}
            onChange={({ target }) => onEdit(target.value)}
          />
        )}
      </Field>
      {error !== null && (
        <Button className="button-small" onClick={onDiscard}>
          Take back: write the form's plan
        </Button>
      )}
    </div>
  );
}
