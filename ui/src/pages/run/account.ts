import type { Accounting, LiveAccounting } from "../../api/schema";

/** One term of the identity, and of what it is the sum; parts that are zero are left out. */
export type Term = {
  name: "succeeded" | "failed" | "dropped" | "missed" | "unconfirmed" | "to come";
  n: number;
  parts: readonly { name: string; n: number }[];
};

/** The identity of a run: planned is the sum of all terms, or `adds` is false. */
export type Account = { planned: number; terms: readonly Term[]; adds: boolean };

/** Returns a run's accounting as a sum that can be followed; pure. */
export function accountOf(accounting: Accounting | LiveAccounting, ended: boolean): Account {
  const { planned, succeeded, failed, dropped, missed, unconfirmed } = accounting;
  const terms: Term[] = [
    { name: "succeeded", n: succeeded, parts: [] },
    sumOf("failed", failed),
    sumOf("dropped", dropped),
    sumOf("missed", missed),
    { name: "unconfirmed", n: unconfirmed, parts: [] },
  ];
  if (!ended && "to_come" in accounting) {
    terms.push({ name: "to come", n: accounting.to_come, parts: [] });
  }
  return { planned, terms, adds: terms.reduce((sum, { n }) => sum + n, 0) === planned };
}

/** Returns how many have failed, of whatever kind. */
export function failedTotal({ failed }: Accounting): number {
  return Object.values(failed).reduce((sum, n) => sum + n, 0);
}

function sumOf(name: Term["name"], kinds: Record<string, number>): Term {
  const parts = Object.entries(kinds)
    .filter(([, n]) => n > 0)
    .map(([kind, n]) => ({ name: kind, n }))
    .sort((a, b) => b.n - a.n);
  return { name, n: parts.reduce((sum, part) => sum + part.n, 0), parts };
}
