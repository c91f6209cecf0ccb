import { count, NONE, threeDigits } from "./digits";

/** A number as people see it: the unit stands beside the value, `exact` is told on hover. */
export type Figure = { value: string; unit: string; exact: string };

const NO_FIGURE: Figure = { value: NONE, unit: "", exact: "no data" };
const NS_PER_US = 1_000;
const NS_PER_MS = 1_000_000;
const NS_PER_S = 1_000_000_000;
const THOUSANDS_FROM = 10_000;

/** Writes a figure on one line. */
export function text(figure: Figure): string {
  return figure.unit === "" ? figure.value : `${figure.value} ${figure.unit}`;
}

/** Shows a duration: µs below 1 ms, ms below 10 s, then s. */
export function duration(ns: number | null): Figure {
  if (ns === null) return NO_FIGURE;
  const exact = `${count(Math.round(ns))} ns`;
  const size = Math.abs(ns);
  if (size === 0) return { value: "0", unit: "ms", exact };
  if (size < NS_PER_MS) return { value: threeDigits(ns / NS_PER_US), unit: "µs", exact };
  if (size < 10 * NS_PER_S) return { value: threeDigits(ns / NS_PER_MS), unit: "ms", exact };
  return { value: threeDigits(ns / NS_PER_S), unit: "s", exact };
}

/** Shows a duration in the given unit, for columns whose head names it. */
export function inMs(ns: number | null): string {
  return ns === null ? NONE : threeDigits(ns / NS_PER_MS);
}

/** Shows a difference of clocks, always with its sign. */
export function offset(ns: number | null): Figure {
  const shown = duration(ns);
  return ns !== null && ns > 0 ? { ...shown, value: `+${shown.value}` } : shown;
}

/** Shows a rate: /s, from 10,000 on k/s. */
export function rate(perS: number | null): Figure {
  if (perS === null) return NO_FIGURE;
  const exact = `${count(Math.round(perS * 1000) / 1000)}/s`;
  if (perS >= THOUSANDS_FROM) return { value: threeDigits(perS / 1000), unit: "k/s", exact };
  return { value: threeDigits(perS), unit: "/s", exact };
}

/** Shows a share of 1 in per cent. */
export function share(part: number | null): Figure {
  if (part === null) return NO_FIGURE;
  return { value: threeDigits(part * 100), unit: "%", exact: `${part * 100} %` };
}

/** Shows how many, with every digit. */
export function whole(n: number | null): Figure {
  return n === null ? NO_FIGURE : { value: count(n), unit: "", exact: count(n) };
}

/** Shows an amount of data: B, kB, MB, GB, in powers of ten. */
export function bytes(n: number | null): Figure {
  if (n === null) return NO_FIGURE;
  const exact = `${count(n)} B`;
  if (n < 1_000) return { value: count(n), unit: "B", exact };
  if (n < 1e6) return { value: threeDigits(n / 1e3), unit: "kB", exact };
  if (n < 1e9) return { value: threeDigits(n / 1e6), unit: "MB", exact };
  return { value: threeDigits(n / 1e9), unit: "GB", exact };
}
