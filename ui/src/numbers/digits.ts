/** Shown where there is no figure; a zero would be a claim. */
export const NONE = "–";

const MINUS = "−";
const GROUPED = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** Writes a whole number with thousands separators, every digit of it. */
export function count(n: number | null): string {
  return n === null ? NONE : GROUPED.format(n).replace("-", MINUS);
}

/** Writes three significant digits: 0.0123, 1.20, 12.0, 123, 12,300. */
export function threeDigits(x: number): string {
  if (x === 0) return "0";
  const rounded = Number(Math.abs(x).toPrecision(3));
  const sign = x < 0 ? MINUS : "";
  if (rounded >= 100) return sign + GROUPED.format(rounded);
  const places = 2 - Math.floor(Math.log10(rounded));
  // Below a billionth nothing is meant; toFixed has no more places to give anyway.
  return places > 12 ? "0" : sign + rounded.toFixed(places);
}
