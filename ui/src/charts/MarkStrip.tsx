import { type CSSProperties, useState } from "react";
import { clock } from "../numbers/instant";
import { useAxis, useGroup } from "./ChartGroup";
import type { Mark } from "./line";
import { markAt } from "./markAt";
import { shown } from "./timeAxis";
import "./MarkStrip.css";

/** The marks of a group as things to point at: each stands above its hairlines and says its text.
 *
 * So does the one next to the cursor, wherever on the charts that is. */
export function MarkStrip() {
  const { marks, endS } = useGroup();
  const { zoom, cursorS } = useAxis();
  const [pointed, setTold] = useState<Mark | null>(null);
  const { from, to } = shown(zoom, endS);
  const seen = marks.filter(({ offset_s }) => offset_s >= from && offset_s <= to);
  const told = pointed ?? markAt(seen, cursorS, (to - from) / 150);
  const part = (mark: Mark) => (mark.offset_s - from) / (to - from);
  return (
    <div className="marks">
      <ul className="marks-line" aria-label="What happened">
        {seen.map((mark) => (
          <li key={`${mark.offset_s} ${mark.text}`} style={{ left: `${part(mark) * 100}%` }}>
            <button
              type="button"
              className={mark.grave ? "mark mark-grave" : "mark"}
              onPointerEnter={() => setTold(mark)}
              onPointerLeave={() => setTold(null)}
              onFocus={() => setTold(mark)}
              onBlur={() => setTold(null)}
            >
              <span className="unseen">{words(mark)}</span>
            </button>
          </li>
        ))}
      </ul>
      {told !== null && (
        <p className="marks-told" aria-hidden="true" style={besides(part(told))}>
          {words(told)}
        </p>
      )}
    </div>
  );
}

/** Puts words at a part of the width, so that they end within it. */
function besides(part: number): CSSProperties {
  return { left: `${part * 100}%`, transform: `translateX(-${part * 100}%)` };
}

function words(mark: Mark): string {
  return `${clock(mark.offset_s)} ${mark.text}`;
}
