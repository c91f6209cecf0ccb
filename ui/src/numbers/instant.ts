import { NONE } from "./digits";

const S_PER_HOUR = 3600;

/** Writes a stretch of time as mm:ss, or h:mm:ss from an hour on. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const tail = `${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return whole < S_PER_HOUR ? tail : `${Math.floor(whole / S_PER_HOUR)}:${tail}`;
}

/** Writes an age: tenths of a second below 10 s, then seconds, then mm:ss. */
export function age(seconds: number): string {
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  return seconds < 60 ? `${Math.floor(seconds)} s` : clock(seconds);
}

/** Writes an RFC 3339 instant as date and time in a zone, by default the viewer's. */
export function instant(rfc3339: string | null, timeZone?: string): string {
  if (rfc3339 === null) return NONE;
  const at = new Date(rfc3339);
  if (Number.isNaN(at.getTime())) return rfc3339;
  return new Intl.DateTimeFormat("sv-SE", {
    dateStyle: "short",
    timeStyle: "medium",
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(at);
}

/** Names the viewer's zone, to be told beside instants. */
export function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Returns the seconds between two RFC 3339 instants; null where one is missing. */
export function between(from: string | null, to: string | null): number | null {
  return from === null || to === null ? null : (Date.parse(to) - Date.parse(from)) / 1000;
}
