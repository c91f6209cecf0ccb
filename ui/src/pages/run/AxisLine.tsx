import { useAxis, useGroup } from "../../charts/ChartGroup";
import { clock } from "../../numbers/instant";
import { Button } from "../../parts/Button";
import "./AxisLine.css";

/** Says of what instant the values beside the charts are, and what part of the run is shown.
 *
 * `last` names the second of which they are while none is pointed at. */
export function AxisLine({ last: lastWords }: { last: string }) {
  const { axis, seconds } = useGroup();
  const { zoom, cursorS } = useAxis();
  const last = seconds.at(-1);
  if (last === undefined) return <p className="axis-line soft">No second is over yet.</p>;
  return (
    <div className="axis-line soft">
      <p>
        Values at <strong>{clock(cursorS ?? last)}</strong>
        {cursorS === null && `, ${lastWords}`}
      </p>
      {zoom === null ? (
        <p className="axis-line-hint no-print">drag to zoom, double-click to see all</p>
      ) : (
        <>
          <p>
            shows {clock(zoom.from)} to {clock(zoom.to)}
          </p>
          <Button onClick={() => axis.reset()}>Show all</Button>
        </>
      )}
    </div>
  );
}
