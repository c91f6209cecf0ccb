import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  Scalar,
  stringify,
} from "yaml";
import { type Json, type JsonObject, same } from "./json";

/** A text that is no plan's, and the line that says so. */
export class TextError extends Error {}

const WORDS: Record<string, null | boolean> = {
  ...{ "": null, "~": null, null: null, Null: null, NULL: null },
  ...{ true: true, True: true, TRUE: true, false: false, False: false, FALSE: false },
};
const DECIMAL = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const LEADING_ZERO = /^[-+]?0\d/;
const DEEPEST = 20;

/** Returns the plan that a text says, as the orchestrator and the command would read it.
 *
 * It is YAML as a stricter JSON: no anchors, no tags, no guessing. Throws TextError. */
export function readYaml(text: string): JsonObject {
  const lines = new LineCounter();
  const document = parseDocument(text, { schema: "failsafe", lineCounter: lines, version: "1.2" });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line } = lines.linePos(error.pos[0]);
    if (error.code === "MULTIPLE_DOCS") {
      throw new TextError(`Line ${line} begins a second document; a text holds one plan.`);
    }
    throw new TextError(`Line ${line} is not YAML: ${firstLine(error.message)}`);
  }
  if (document.contents === null) throw new TextError("The text is empty; write a plan.");
  if (!isMap(document.contents)) {
    throw new TextError("The text is no plan; write keys with values, such as name: first-look");
  }
  return value(document.contents, lines, 0) as JsonObject;
}

/** Writes a plan as YAML, texts of several lines as blocks where that says the same. */
export function writeYaml(plan: JsonObject): string {
  const options = { lineWidth: 0, nullStr: "null", aliasDuplicateObjects: false };
  const text = stringify(plan, options);
  // A block cannot say that a line is nothing but spaces.
  return same(readYaml(text), plan) ? text : stringify(plan, { ...options, blockQuote: false });
}

function firstLine(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, "");
}

function value(node: unknown, lines: LineCounter, depth: number): Json {
  if (node === null || node === undefined) return null;
  refuse(node as Node, lines);
  if (isScalar(node)) return scalar(node, lines);
  if (depth === DEEPEST) throw said(node, lines, "is nested too deeply");
  if (isSeq(node)) return node.items.map((item) => value(item, lines, depth + 1));
  if (!isMap(node)) throw said(node, lines, "is no value of a plan");
  const pairs = node.items.map((pair): [string, Json] => {
    if (!isScalar(pair.key)) throw said(node, lines, "has a list or mapping as a key");
    return [String(pair.key.value), value(pair.value, lines, depth + 1)];
  });
  return Object.fromEntries(pairs);
}

function refuse(node: Node, lines: LineCounter): void {
  if (isAlias(node) || ("anchor" in node && node.anchor !== undefined)) {
    throw said(node, lines, "has an anchor or alias (& or *); write the value out");
  }
  if ("tag" in node && node.tag !== undefined) {
    throw said(node, lines, `has the tag ${node.tag}; remove it`);
  }
}

function scalar(node: Scalar, lines: LineCounter): Json {
  const text = String(node.value ?? "");
  if (node.type !== Scalar.PLAIN) return text;
  if (Object.hasOwn(WORDS, text)) return WORDS[text] ?? null;
  const isNumber = DECIMAL.test(text) && !LEADING_ZERO.test(text);
  if (/^[-+]?\.inf$|^\.nan$/i.test(text) || (isNumber && !Number.isFinite(Number(text)))) {
    throw said(node, lines, `has ${text}; write a finite number`);
  }
  return isNumber ? Number(text) : text;
}

function said(node: unknown, lines: LineCounter, message: string): TextError {
  const start = (node as Partial<Document.Parsed> & Node).range?.[0] ?? 0;
  return new TextError(`Line ${lines.linePos(start).line} ${message}.`);
}
