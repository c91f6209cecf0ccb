import { count } from "../../numbers/digits";

/** What will happen when the fleet is scaled: the question, the verb, and the consequence. */
export type ScaleWords = { question: string; verb: string; text: string; grave: boolean };

/** Says what scaling from so many drivers to so many does; pure. */
export function scaleWords(from: number, to: number): ScaleWords {
  const verb = `Scale to ${drivers(to)}`;
  const question = `Scale from ${count(from)} to ${drivers(to)}?`;
  if (to > from) {
    return {
      question,
      verb,
      grave: false,
      text: `${more(to - from)} started. A run under way is shared anew with each that comes, within seconds; its planned requests stay as many as they were.`,
    };
  }
  const handed =
    "Each finishes what is in flight and hands the rest of its work over; nothing is sent twice.";
  return to === 0
    ? {
        question,
        verb,
        grave: true,
        text: `All drivers go. ${handed} With none left, what is due in a run under way is missed.`,
      }
    : { question, verb, grave: false, text: `${fewer(from - to)}. ${handed}` };
}

/** Says what is wrong with a number of drivers as it is typed; null if nothing is. */
export function replicasProblem(text: string): string | null {
  return /^\d{1,4}$/.test(text.trim()) && Number(text) <= 1000
    ? null
    : "must be a whole number of 0 to 1,000";
}

function drivers(n: number): string {
  return n === 1 ? "1 driver" : `${count(n)} drivers`;
}

function more(n: number): string {
  return n === 1 ? "1 more driver is" : `${count(n)} more drivers are`;
}

function fewer(n: number): string {
  return n === 1 ? "1 driver goes" : `${count(n)} drivers go`;
}
