/** A piece of a sentence; `code` is what is to be typed. */
export type Part = { text: string; code: boolean };

/** Returns the pieces of a sentence in which commands stand between backticks; pure. */
export function codeParts(sentence: string): Part[] {
  return sentence
    .split("`")
    .map((text, place) => ({ text, code: place % 2 === 1 }))
    .filter(({ text }) => text !== "");
}
