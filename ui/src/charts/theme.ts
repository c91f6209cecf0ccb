/** The name of a colour in style/tokens.css, without the hyphens before it. */
export type Token =
  | ("ink" | "ink-soft" | "grid" | "mark" | "planned" | "sent" | "gap" | "action")
  | ("p50" | "p90" | "p99" | "max" | "lag" | "failed" | "dropped" | "missed" | "level")
  | ("run-a" | "run-b" | "failed-2" | "failed-3" | "failed-4");

/** The reds of what failed, in the order in which they are given out. */
export const FAILED = ["failed", "failed-2", "failed-3", "failed-4"] as const;

/** Returns what a colour is now; it changes when the system goes from light to dark. */
export function colour(token: Token): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${token}`).trim();
}

/** Calls `listener` whenever the system goes from light to dark or back; returns what ends that. */
export function onSchemeChange(listener: () => void): () => void {
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", listener);
  return () => query.removeEventListener("change", listener);
}
