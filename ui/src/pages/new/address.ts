import { isObject, type Json, type JsonObject } from "./json";

/** What an address says of the form: the plan, or the text of one that could not be read. */
export type Prepared = { plan: JsonObject } | { yaml: string };

/** Returns what stands behind `#` for a form.
 *
 * It is never sent to a server, has no limit that matters, and can be sent to a colleague. */
export function fragmentOf(prepared: Prepared): string {
  return "plan" in prepared
    ? `#plan=${packed(JSON.stringify(prepared.plan))}`
    : `#yaml=${packed(prepared.yaml)}`;
}

/** Returns what a fragment says; null where it says nothing that can be read. */
export function preparedOf(fragment: string): Prepared | null {
  const match = /^#(plan|yaml)=([\w-]+)$/.exec(fragment);
  if (match === null) return null;
  try {
    const text = unpacked(match[2] ?? "");
    if (match[1] === "yaml") return { yaml: text };
    const plan = JSON.parse(text) as Json;
    return isObject(plan) ? { plan } : null;
  } catch {
    return null;
  }
}

/** Base64 of UTF-8 with the letters that are safe in an address. */
function packed(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function unpacked(text: string): string {
  const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
