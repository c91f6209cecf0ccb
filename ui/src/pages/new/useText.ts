import { useEffect, useMemo, useState } from "react";
import { type JsonObject, same } from "./json";

type Yaml = typeof import("./yaml");
/** What was typed as YAML: the plan it says, or why it says none. */
type Typed = { text: string; plan: JsonObject } | { text: string; error: string };

/** The YAML of a plan, as written or as typed. */
export type Text = {
  shown: string | null;
  error: string | null;
  /** What is typed and cannot be read; null where it can. */
  broken: string | null;
  edit: (text: string) => void;
  discard: () => void;
};

const MISSING = "What reads and writes YAML could not be loaded; load the page again.";

/** Keeps the YAML beside a plan: what is typed stays as it is for as long as it says that plan.
 *
 * YAML is a third of the page's size, so it comes after the form is there. */
export function useText(
  plan: JsonObject,
  first: string | null,
  onPlan: (plan: JsonObject) => void,
): Text {
  const [yaml, setYaml] = useState<Yaml | null>(null);
  const [missing, setMissing] = useState(false);
  const [typed, setTyped] = useState<Typed | null>(
    first === null ? null : { text: first, error: "It is being read." },
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is loaded once
  useEffect(() => {
    let wanted = true;
    import("./yaml").then(
      (module) => {
        if (!wanted) return;
        setYaml(module);
        if (first !== null) take(module, first);
      },
      () => wanted && setMissing(true),
    );
    return () => {
      wanted = false;
    };
  }, []);
  const written = useMemo(() => yaml?.writeYaml(plan) ?? null, [yaml, plan]);

  function take(module: Yaml, text: string): void {
    try {
      const read = module.readYaml(text);
      setTyped({ text, plan: read });
      onPlan(read);
    } catch (error) {
      if (!(error instanceof module.TextError)) throw error;
      setTyped({ text, error: error.message });
    }
  }

  const isBroken = typed !== null && "error" in typed;
  const holds = typed !== null && (isBroken || ("plan" in typed && same(typed.plan, plan)));
  return {
    shown: holds ? typed.text : written,
    error: missing ? MISSING : isBroken ? typed.error : null,
    broken: isBroken ? typed.text : null,
    edit: (text) => {
      if (yaml !== null) take(yaml, text);
    },
    discard: () => setTyped(null),
  };
}
