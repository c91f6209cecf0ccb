import { useEffect, useId, useMemo, useRef } from "react";
import uPlot from "uplot";
import { text } from "../numbers/figure";
import { useAxis, useGroup } from "./ChartGroup";
import type { ChartSpec, Line } from "./line";
import { dataOf, type Now, optionsOf } from "./options";
import { onSchemeChange } from "./theme";
import { shown } from "./timeAxis";
import "./Chart.css";

const HEIGHT_PX = 170;

type Props = { spec: ChartSpec; heightPx?: number; className?: string; controls?: React.ReactNode };

/** A chart of its group: a head that says what each line is and was at the cursor, and the plot. */
export function Chart({ spec, heightPx = HEIGHT_PX, className = "", controls }: Props) {
  const heading = useId();
  const { seconds } = useGroup();
  const { cursorS } = useAxis();
  const at = cursorS === null ? seconds.length - 1 : seconds.indexOf(cursorS);
  return (
    <figure className={`chart ${className}`} aria-labelledby={heading}>
      <figcaption className="chart-head">
        <h3 id={heading}>{spec.title}</h3>
        <dl className="chart-key">
          {spec.lines.map((line) => (
            <div key={line.label}>
              <dt>
                <Sample line={line} block={spec.stacked ?? false} />
                {line.label}
              </dt>
              <dd>{text(spec.show(line.values[at] ?? null))}</dd>
            </div>
          ))}
        </dl>
        {controls && <div className="chart-controls no-print">{controls}</div>}
      </figcaption>
      <Plot spec={spec} heightPx={heightPx} />
    </figure>
  );
}

/** Shows how a line is drawn. */
function Sample({ line, block }: { line: Line; block: boolean }) {
  const style = block ? "block" : (line.style ?? "solid");
  return <span aria-hidden="true" className={`chart-sample chart-${style} ink-${line.colour}`} />;
}

function Plot({ spec, heightPx }: { spec: ChartSpec; heightPx: number }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const { axis, seconds, endS, marks } = useGroup();
  const latest = useRef({ spec, seconds, endS, marks });
  latest.current = { spec, seconds, endS, marks };
  const shape = useMemo(() => shapeOf(spec), [spec]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` says when a new plot is needed
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const now: Now = {
      range: () => shown(axis.get().zoom, latest.current.endS),
      marks: () => latest.current.marks,
      onPoint: (second) => axis.point(second),
      onZoom: (range) => axis.zoomTo(range),
      onReset: () => axis.reset(),
    };
    const size = { width: Math.max(120, element.clientWidth), height: heightPx };
    const { spec: first, seconds: known } = latest.current;
    const made = new uPlot(optionsOf(first, now, size), dataOf(first, known), element);
    plot.current = made;
    const resizes = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height: heightPx });
    });
    resizes.observe(element);
    const stopScheme = onSchemeChange(() => made.redraw(false, true));
    let { zoom } = axis.get();
    const stopAxis = axis.subscribe(() => {
      const state = axis.get();
      if (state.zoom !== zoom) {
        zoom = state.zoom;
        made.setData(dataOf(latest.current.spec, latest.current.seconds));
      }
      moveCursor(made, state.cursorS);
    });
    return () => {
      stopAxis();
      stopScheme();
      resizes.disconnect();
      plot.current = null;
      made.destroy();
    };
  }, [shape, heightPx, axis]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: marks are read when it is drawn
  useEffect(() => {
    // What is not looked at is not drawn; it is when the tab is looked at again.
    plot.current?.setData(dataOf(spec, seconds));
  }, [spec, seconds, endS, marks]);

  return <div ref={place} className="chart-plot" role="img" aria-label={summary(spec)} />;
}

/** Puts a chart's cursor where that of the group is; the hooks are not told, or it would go round. */
function moveCursor(plot: uPlot, second: number | null): void {
  const left = second === null ? -10 : plot.valToPos(second, "x");
  if (Math.abs((plot.cursor.left ?? -10) - left) > 1) plot.setCursor({ left, top: 0 }, false);
}

/** What cannot be changed in a plot once it is made, as a text to compare. */
function shapeOf(spec: ChartSpec): string {
  const lines = spec.lines.map((line) => [line.label, line.colour, line.style]);
  return JSON.stringify([lines, spec.log, spec.stacked, spec.gap]);
}

/** Says in words what a chart shows, for those who cannot see it. */
function summary(spec: ChartSpec): string {
  const lines = spec.lines.map((line) => {
    const known = line.values.filter((value) => value !== null);
    if (known.length === 0) return `${line.label}: no data`;
    const [low, high] = known.reduce(
      ([a, b], value) => [Math.min(a, value), Math.max(b, value)] as const,
      [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as const,
    );
    return `${line.label}: ${text(spec.show(low))} to ${text(spec.show(high))}`;
  });
  return `${spec.title} over time. ${lines.join("; ")}.`;
}
