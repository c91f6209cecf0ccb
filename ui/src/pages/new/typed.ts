import type { Json } from "./json";

/** How what is typed becomes a value of a plan, and back. */
export type Kind = {
  /** Returns the value; undefined where nothing is typed, so that the default holds. */
  read: (text: string) => Json | undefined;
  write: (value: Json | undefined) => string;
};

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;

/** A number. What is none goes on as it was typed: the API says what is wrong with it. */
export const NUMBER_KIND: Kind = {
  read: (text) => {
    const trimmed = text.trim();
    if (trimmed === "") return undefined;
    const value = Number(trimmed);
    return NUMBER.test(trimmed) && Number.isFinite(value) ? value : trimmed;
  },
  write: plainText,
};

/** A text on one line; spaces at its ends are nobody's wish. */
export const TEXT_KIND: Kind = {
  read: (text) => (text.trim() === "" ? undefined : text.trim()),
  write: plainText,
};

/** A text as it is, with its spaces and lines. */
export const LINES_KIND: Kind = {
  read: (text) => (text === "" ? undefined : text),
  write: plainText,
};

/** A list of words, with commas between them. */
export const WORDS_KIND: Kind = {
  read: (text) => {
    const words = text.split(/[\s,]+/).filter((word) => word !== "");
    return words.length === 0 ? undefined : words;
  },
  write: (value) => (Array.isArray(value) ? value.map(plainText).join(", ") : plainText(value)),
};

function plainText(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
