import type { PlanPreview } from "../../api/schema";
import type { Column } from "../../charts/columns";
import type { Mark } from "../../charts/line";
import { planSeconds } from "../../numbers/planDuration";
import { isObject, type Json } from "./json";

/** The planned rate over time, of the fleet and of one driver of it. */
export type Course = { seconds: number[]; fleet: Column; driver: Column };

const STEPS = 60;

/** Returns a preview as a chart wants it; pure.
 *
 * It says where the rate changes its course. Between those it is linear, and points are put there so
 * that a cursor finds the rate at any time. */
export function courseOf({ preview }: PlanPreview, drivers: number): Course {
  const endS = preview.at(-1)?.[0] ?? 0;
  const points = preview.flatMap(([s, perS], place): [number, number][] => {
    const next = preview[place + 1];
    if (next === undefined || endS === 0 || next[0] <= s) return [[s, perS]];
    const parts = Math.max(1, Math.ceil(((next[0] - s) / endS) * STEPS));
    return Array.from({ length: parts }, (_, part) => {
      const share = part / parts;
      return [s + (next[0] - s) * share, perS + (next[1] - perS) * share];
    });
  });
  return {
    seconds: points.map(([s]) => s),
    fleet: points.map(([, perS]) => perS),
    driver: points.map(([, perS]) => perS / drivers),
  };
}

/** Returns where each stage begins, to be marked; nothing where there is only one. */
export function stageMarks(stages: Json | undefined): Mark[] {
  if (!Array.isArray(stages) || stages.length < 2) return [];
  let startS = 0;
  return stages.map((stage, place) => {
    const { name = `stage-${place + 1}`, duration, measured } = isObject(stage) ? stage : {};
    const mark = {
      offset_s: startS,
      text: `${String(name)} begins${measured === false ? ", not measured" : ""}`,
      grave: false,
    };
    startS += (typeof duration === "string" ? planSeconds(duration) : null) ?? 0;
    return mark;
  });
}
