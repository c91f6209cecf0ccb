import type { DriverRow } from "../../api/schema";

/** How a driver's state is shown: a sign and a word. */
export type DriverStateWords = { sign: string; word: string; bad: boolean };

const SIGNS: Record<DriverRow["state"], string> = {
  working: "●",
  idle: "○",
  deaf: "◌",
  leaving: "▽",
  lost: "✕",
};

/** Returns how a driver's state is shown; null is a driver that the fleet no longer knows. */
export function driverState(heard: Pick<DriverRow, "state"> | null): DriverStateWords {
  if (heard === null) return { sign: "–", word: "unknown", bad: false };
  const { state } = heard;
  return { sign: SIGNS[state], word: state, bad: state === "lost" || state === "deaf" };
}
