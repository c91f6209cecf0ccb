import { expect, test } from "vitest";
import { FAILED } from "../charts/theme";
import css from "./tokens.css?raw";

type Colours = Record<string, string>;

const [light = "", dark = ""] = css.split("@media (prefers-color-scheme: dark)");

function coloursOf(part: string): Colours {
  const found = part.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g);
  return Object.fromEntries([...found].map(([, name, value]) => [name, value]));
}

/** WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const channels = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255);
  const [r = 0, g = 0, b = 0] = channels.map((c) =>
    c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(colours: Colours, front: string, back: string): number {
  const [a, b] = [colours[front], colours[back]];
  if (a === undefined || b === undefined) throw new Error(`no colour ${front} or ${back}`);
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

const TEXT = ["ink", "ink-soft", "ink-stale", "action", "failed", "degraded"];
const LINES = [
  ...["planned", "sent", "p50", "p90", "p99", "max", "lag", "failed", "dropped", "missed"],
  ...["level", "run-a", "run-b", "failed-2", "failed-3", "failed-4"],
];
const PAPERS = ["paper", "panel", "raised"];

const schemes: [string, Colours][] = [
  ["light", coloursOf(light)],
  ["dark", { ...coloursOf(light), ...coloursOf(dark) }],
];

test.each(schemes)("text is readable on every surface (%s)", (_, colours) => {
  const weak = TEXT.flatMap((front) =>
    PAPERS.map((back) => [front, back, contrast(colours, front, back)] as const),
  ).filter(([, , ratio]) => ratio < 4.5);
  expect(weak).toEqual([]);
  const pairs = [
    ["on-action", "action"],
    ["on-failed", "failed"],
    ["degraded", "degraded-paper"],
    ["ink", "degraded-paper"],
  ] as const;
  expect(pairs.filter(([front, back]) => contrast(colours, front, back) < 4.5)).toEqual([]);
});

test.each(schemes)("lines stand out from every surface (%s)", (_, colours) => {
  const weak = LINES.flatMap((front) =>
    PAPERS.map((back) => [front, back, contrast(colours, front, back)] as const),
  ).filter(([, , ratio]) => ratio < 3);
  expect(weak).toEqual([]);
});

test.each(schemes)(
  "kinds of failure that stand together differ in lightness (%s)",
  (_, colours) => {
    const alike = FAILED.map(
      (shade, at) => [shade, FAILED[(at + 1) % FAILED.length] ?? ""] as const,
    )
      .map(([one, next]) => [one, next, contrast(colours, one, next)] as const)
      .filter(([, , ratio]) => ratio < 1.3);
    expect(alike).toEqual([]);
  },
);

test("both schemes name the same colours", () => {
  expect(Object.keys(coloursOf(dark)).sort()).toEqual(Object.keys(coloursOf(light)).sort());
});
