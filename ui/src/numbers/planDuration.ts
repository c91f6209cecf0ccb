const NS_PER: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Returns the seconds of a duration as plans write it (`1.5s`, `300ms`, `5m`); null if it is none. */
export function planSeconds(text: string): number | null {
  const match = /^(\d{1,18}(?:\.\d{1,18})?) ?([a-zµμ]+)$/.exec(text);
  const unit = NS_PER[match?.[2] ?? ""];
  return match === null || unit === undefined ? null : (Number(match[1]) * unit) / 1e9;
}
