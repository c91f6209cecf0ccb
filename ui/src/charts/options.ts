import uPlot from "uplot";
import { type Figure, text } from "../numbers/figure";
import { clock } from "../numbers/instant";
import type { ChartSpec, Line, Mark } from "./line";
import { lonely, stacked } from "./stack";
import { colour, type Token } from "./theme";
import type { Range } from "./timeAxis";

/** How far the plot begins from the left and ends before the right edge, in CSS pixels. */
export const LEFT_PX = 62;
export const RIGHT_PX = 22;

const FONT = '12px system-ui, "DejaVu Sans", sans-serif';
const STEPS_S = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400,
];

/** What the drawing asks for each time: it may have changed since. */
export type Now = {
  range: () => Range;
  marks: () => readonly Mark[];
  onPoint: (second: number | null) => void;
  onZoom: (range: Range) => void;
  onReset: () => void;
};

/** How large a chart is, in CSS pixels. */
export type Size = { width: number; height: number };

/** Returns a chart's data as uPlot wants it: seconds, then the lines in the order of drawing. */
export function dataOf(spec: ChartSpec, seconds: number[]): uPlot.AlignedData {
  const values = spec.lines.map((line) => line.values);
  // The highest sum first: each lower one is painted over it.
  return [seconds, ...(spec.stacked ? stacked(values).reverse() : values)];
}

/** Returns the options of a chart whose lines are those of `spec`, in the order of `dataOf`. */
export function optionsOf(spec: ChartSpec, now: Now, size: Size): uPlot.Options {
  const lines = spec.stacked ? [...spec.lines].reverse() : spec.lines;
  return {
    ...size,
    padding: [8, RIGHT_PX, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: true, y: false, setScale: false },
      bind: {
        dblclick: () => () => {
          now.onReset();
          return null;
        },
      },
    },
    scales: {
      x: { time: false, range: () => [now.range().from, now.range().to] },
      y: { distr: spec.log ? 3 : 1, range: (_, low, high) => yRange(spec, low, high) },
    },
    axes: [
      {
        ...axis(),
        size: 26,
        incrs: STEPS_S,
        space: 64,
        values: (_, splits) => splits.map(clock),
      },
      {
        ...axis(),
        size: LEFT_PX,
        space: 28,
        values: (_, splits) =>
          splits.map((split) => (split === null ? null : tick(spec.show(split)))),
      },
    ],
    series: [{}, ...lines.map((line) => seriesOf(line, spec))],
    bands: spec.gap ? [{ series: [1, 2], fill: () => colour("gap") }] : [],
    hooks: {
      draw: [(plot) => drawMarks(plot, now.marks())],
      setCursor: [
        (plot) => {
          const { left, idx } = plot.cursor;
          now.onPoint(
            left === undefined || left < 0 || idx == null ? null : (plot.data[0][idx] ?? null),
          );
        },
      ],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width === 0) return;
          now.onZoom({ from: plot.posToVal(left, "x"), to: plot.posToVal(left + width, "x") });
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

/** Writes a value beside the axis, where it is round and there is little room. */
export function tick(figure: Figure): string {
  const value = figure.value.includes(".") ? figure.value.replace(/\.?0+$/, "") : figure.value;
  return value === "0" ? value : text({ ...figure, value });
}

/** Returns the range of the y axis: from 0, but for logarithms, which have none. */
export function yRange(spec: ChartSpec, low: number | null, high: number | null): [number, number] {
  if (spec.log) {
    if (low === null || high === null || low <= 0) return [1e5, 1e9];
    return [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high * 1.0001))];
  }
  return [0, Math.max((high ?? 0) * 1.06, spec.atLeast ?? 0) || 1];
}

const stepped = uPlot.paths.stepped?.({ align: 1, extend: true });

function axis(): uPlot.Axis {
  return {
    font: FONT,
    stroke: () => colour("ink-soft"),
    grid: { stroke: () => colour("grid"), width: 1 },
    ticks: { show: false },
  };
}

function seriesOf(line: Line, spec: ChartSpec): uPlot.Series {
  const width = line.style === "thin" || line.style === "dotted" ? 1.25 : 1.75;
  return {
    label: line.label,
    stroke: () => colour(line.colour),
    width: spec.stacked ? 0 : width,
    ...(line.style === "dotted" ? { dash: [2, 3] } : {}),
    ...(spec.stacked
      ? { fill: () => colour(line.colour), ...(stepped && { paths: stepped }) }
      : {}),
    spanGaps: false,
    points: {
      show: true,
      size: 4,
      fill: () => colour(line.colour),
      filter: (plot, series) => {
        const { min = 0, max = -1 } = span(plot);
        return lonely(plot.data[series] ?? [], min, max);
      },
    },
  };
}

function span(plot: uPlot): { min?: number; max?: number } {
  const [first] = plot.series;
  return first?.idxs ? { min: first.idxs[0], max: first.idxs[1] } : {};
}

const GRAVE: Token = "failed";

/** Draws a hairline from top to bottom at every mark that is in sight. */
function drawMarks(plot: uPlot, marks: readonly Mark[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.lineWidth = Math.max(1, Math.round(devicePixelRatio));
  for (const mark of marks) {
    const x = Math.round(plot.valToPos(mark.offset_s, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = colour(mark.grave ? GRAVE : "mark");
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}
