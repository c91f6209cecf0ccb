import { useCallback, useId, useMemo, useRef, useState } from "react";
import { useLocation } from "wouter";
import type { Fleet } from "../../api/schema";
import { Button } from "../../parts/Button";
import type { Prepared } from "./address";
import { type Desk, DeskContext } from "./desk";
import { draftOf, withTestType, withValue } from "./draft";
import { type JsonObject, same } from "./json";
import { PlanForm } from "./PlanForm";
import { PlanText } from "./PlanText";
import { Preview } from "./Preview";
import { fieldPaths, NOTHING_WRONG, placed } from "./places";
import { StartBar } from "./StartBar";
import { leastDrivers } from "./startWords";
import { useAddress } from "./useAddress";
import { useCheck } from "./useCheck";
import { useStart } from "./useStart";
import { useText } from "./useText";
import "./PlanDesk.css";

type Props = {
  /** The plan to begin with. */
  first: JsonObject;
  /** A text that could not be read when it was left; null: there is none. */
  text: string | null;
  /** The plan to go back to. */
  fresh: JsonObject;
  fleet: Fleet | null;
};

/** The form, what its plan would do, and the same plan as YAML. */
export function PlanDesk({ first, text: firstText, fresh, fleet }: Props) {
  const [draft, setDraft] = useState(() => draftOf(first));
  const { plan } = draft;
  const [, goTo] = useLocation();
  const form = useRef<HTMLFormElement>(null);
  const formId = useId();
  const takePlan = useCallback((taken: JsonObject) => {
    setDraft((before) => ({ ...before, plan: taken }));
  }, []);
  const text = useText(plan, firstText, takePlan);
  const check = useCheck(plan, Math.max(1, fleet?.eligible ?? 1));
  const start = useStart((runId) => goTo(`/runs/${runId}`));
  const arrive = (prepared: Prepared) => {
    if ("yaml" in prepared) return text.edit(prepared.yaml);
    text.discard();
    takePlan(prepared.plan);
  };
  useAddress(text.broken === null ? { plan } : { yaml: text.broken }, arrive);

  const wrong = useMemo(() => {
    const refused = start.error !== null && start.plan !== null && same(start.plan, plan);
    const errors = refused && start.error ? start.error.errors : [];
    const found = errors.length > 0 ? errors : check.errors;
    return found.length === 0 ? NOTHING_WRONG : placed(found, fieldPaths(plan));
  }, [start.error, start.plan, check.errors, plan]);
  const desk = useMemo<Desk>(
    () => ({
      plan,
      wrong,
      set: (path, value) => setDraft((before) => withValue(before, path, value)),
      setTestType: (type) => setDraft((before) => withTestType(before, type)),
    }),
    [plan, wrong],
  );
  const onStart = () => {
    if (text.broken !== null || start.starting) return;
    if (wrong.at.size > 0) focusWrong(form.current, [...wrong.at.keys()]);
    else void start.start(plan);
  };
  return (
    <DeskContext value={desk}>
      <div className="desk">
        <form
          ref={form}
          id={formId}
          className="desk-form"
          aria-label="Plan"
          onSubmit={(event) => {
            event.preventDefault();
            onStart();
          }}
        >
          <fieldset className="desk-fields" disabled={text.broken !== null}>
            <legend className="unseen">The plan</legend>
            <PlanForm />
            <Button
              className="button-small desk-fresh"
              onClick={() => {
                text.discard();
                setDraft(draftOf(fresh));
              }}
            >
              Start over with the first plan
            </Button>
          </fieldset>
        </form>
        <aside className="desk-beside" aria-label="What the plan does">
          <section className="desk-preview">
            <Preview check={check} fleet={fleet} />
          </section>
          <StartBar
            check={check}
            wrong={wrong}
            broken={text.broken !== null}
            eligible={fleet?.eligible ?? null}
            least={leastDrivers(plan)}
            start={start}
            form={formId}
          />
          <PlanText
            text={text.shown}
            error={text.error}
            onEdit={text.edit}
            onDiscard={text.discard}
          />
        </aside>
      </div>
    </DeskContext>
  );
}

/** Goes to the first place in the form that is wrong. */
function focusWrong(form: HTMLFormElement | null, paths: readonly string[]): void {
  const places = [...(form?.querySelectorAll<HTMLElement>("[data-path]") ?? [])];
  const first = places.find((each) => paths.includes(each.dataset.path ?? ""));
  first?.focus();
  first?.scrollIntoView({ block: "center" });
}
