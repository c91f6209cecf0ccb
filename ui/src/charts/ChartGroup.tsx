import {
  createContext,
  type KeyboardEvent,
  type ReactNode,
  useContext,
  useMemo,
  useState,
  useSyncExternalStore,
} from "react";
import type { Mark } from "./line";
import { type AxisState, shown, TimeAxis } from "./timeAxis";

/** What the charts of a group share. */
export type Group = {
  axis: TimeAxis;
  seconds: number[];
  endS: number;
  marks: readonly Mark[];
};

const GroupContext = createContext<Group | null>(null);

/** Returns the group around a component. */
export function useGroup(): Group {
  const group = useContext(GroupContext);
  if (group === null) throw new Error("a chart stands in a ChartGroup");
  return group;
}

/** Returns the zoom and the cursor of the group around a component, as they are now. */
export function useAxis(): AxisState {
  const { axis } = useGroup();
  return useSyncExternalStore(axis.subscribe, axis.get);
}

type Props = {
  /** Names the group to those who cannot see it. */
  label: string;
  /** The seconds for which lines have values, in order. */
  seconds: number[];
  /** Where the axis ends; at the last of `seconds` if nothing else is said. */
  endS?: number;
  marks: readonly Mark[];
  children: ReactNode;
};

/** Charts on one time axis: one cursor, one zoom, the same marks.
 *
 * By keyboard, arrows move the cursor (with Shift, by ten seconds), + and − zoom, Escape shows all. */
export function ChartGroup({ label, seconds, endS, marks, children }: Props) {
  const [axis] = useState(() => new TimeAxis());
  const end = endS ?? seconds.at(-1) ?? 0;
  const group = useMemo(() => ({ axis, seconds, endS: end, marks }), [axis, seconds, end, marks]);
  return (
    <GroupContext value={group}>
      <section
        className="chart-group"
        aria-label={label}
        aria-describedby="chart-keys"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the cursor is moved by arrow keys
        tabIndex={0}
        onKeyDown={(event) => onKey(event, axis, seconds, end)}
      >
        <p id="chart-keys" className="unseen">
          Arrow keys move the cursor, plus and minus zoom, Escape shows all.
        </p>
        {children}
      </section>
    </GroupContext>
  );
}

function onKey(event: KeyboardEvent, axis: TimeAxis, seconds: number[], endS: number): void {
  if (event.target !== event.currentTarget) return;
  const { zoom, cursorS } = axis.get();
  const { from, to } = shown(zoom, endS);
  const seen = seconds.filter((second) => second >= from && second <= to);
  const step = event.shiftKey ? 10 : 1;
  const quarter = Math.max(1, (to - from) / 4);
  const middle = cursorS ?? seen.at(-1) ?? to;
  switch (event.key) {
    case "ArrowLeft":
      axis.point(besides(seen, cursorS, -step));
      break;
    case "ArrowRight":
      axis.point(besides(seen, cursorS, step));
      break;
    case "+":
      axis.zoomTo({ from: middle - quarter, to: Math.min(endS, middle + quarter) });
      break;
    case "-":
      if (to - from + 4 * quarter >= endS) axis.reset();
      else axis.zoomTo({ from: from - 2 * quarter, to: Math.min(endS, to + 2 * quarter) });
      break;
    case "Escape":
      axis.reset();
      axis.point(null);
      break;
    default:
      return;
  }
  event.preventDefault();
}

/** Returns the second so many places from the cursor; without a cursor, from the end. */
function besides(seen: number[], cursorS: number | null, steps: number): number | null {
  const at = cursorS === null ? -1 : seen.indexOf(cursorS);
  const last = seen.length - 1;
  const place = at < 0 ? last : Math.max(0, Math.min(last, at + steps));
  return seen[place] ?? null;
}
