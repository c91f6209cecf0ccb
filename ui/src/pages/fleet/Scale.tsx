import { type FormEvent, useState } from "react";
import { asApiError, send } from "../../api/call";
import type { ApiError } from "../../api/problem";
import type { Fleet } from "../../api/schema";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Confirm";
import { Failure } from "../../parts/Failure";
import { Field } from "../../parts/Field";
import { replicasProblem, scaleWords } from "./scaleWords";

type Props = { fleet: Fleet; onScaled: () => void };

/** Sets the number of drivers, after a question that says what will happen. */
export function Scale({ fleet, onScaled }: Props) {
  const desired = fleet.desired ?? 0;
  const [typed, setTyped] = useState<string | null>(null);
  const [asked, setAsked] = useState<number | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const text = typed ?? String(desired);
  const problem = typed === null ? null : replicasProblem(text);
  const refused = error?.errors.filter(({ path }) => path === "replicas") ?? [];
  const wrong = problem === null ? refused.map(({ message }) => message) : [problem];
  const ask = (event: FormEvent) => {
    event.preventDefault();
    if (replicasProblem(text) === null && Number(text) !== desired) setAsked(Number(text));
  };
  const scale = async (replicas: number) => {
    setAsked(null);
    setError(null);
    try {
      await send<Fleet>("PUT", "/fleet", { replicas });
      setTyped(null);
      onScaled();
    } catch (refused) {
      setError(asApiError(refused));
    }
  };
  const words = scaleWords(desired, asked ?? desired);
  return (
    <>
      <form className="scale" onSubmit={ask}>
        <Field label="Drivers wanted" errors={wrong}>
          {(tie) => (
            <input
              {...tie}
              className="input scale-input"
              inputMode="numeric"
              autoComplete="off"
              value={text}
              onChange={({ target }) => {
                setTyped(target.value);
                setError(null);
              }}
            />
          )}
        </Field>
        <Button type="submit" disabled={problem !== null || Number(text) === desired}>
          Scale …
        </Button>
      </form>
      {error !== null && refused.length === 0 && <Failure error={error} />}
      {asked !== null && (
        <Confirm
          question={words.question}
          verb={words.verb}
          kind={words.grave ? "grave" : "main"}
          onConfirm={() => void scale(asked)}
          onCancel={() => setAsked(null)}
        >
          <p>{words.text}</p>
        </Confirm>
      )}
    </>
  );
}
