import { useMemo, useState } from "react";
import type { FleetEvent } from "../../api/schema";
import { Chart } from "../../charts/Chart";
import { ChartGroup } from "../../charts/ChartGroup";
import type { Columns } from "../../charts/columns";
import { MarkStrip } from "../../charts/MarkStrip";
import { thinnedWords } from "../../charts/thinnedWords";
import { AxisLine } from "./AxisLine";
import { marksOf } from "./marks";
import { specsOf } from "./specs";
import "./RunCharts.css";

/** The run over time, on one axis. */
export function RunCharts({
  columns,
  events,
  ended,
}: {
  columns: Columns;
  events: readonly FleetEvent[];
  ended: boolean;
}) {
  const [log, setLog] = useState(false);
  const marks = useMemo(() => marksOf(events), [events]);
  const specs = useMemo(() => specsOf(columns, log), [columns, log]);
  const thinned = thinnedWords(columns);
  return (
    <div className="section run-charts">
      <h2 className="unseen">Over time</h2>
      <ChartGroup
        label="The run over time"
        seconds={columns.offset_s}
        endS={columns.endS}
        marks={marks}
      >
        {thinned !== null && <p className="soft">{thinned}</p>}
        <AxisLine last={ended ? "the last second" : "the newest second"} />
        <MarkStrip />
        <div className="run-charts-grid">
          <Chart spec={specs.rate} heightPx={190} className="run-charts-wide" />
          <Chart
            spec={specs.response}
            heightPx={220}
            className="run-charts-wide"
            controls={
              <label>
                <input
                  type="checkbox"
                  checked={log}
                  onChange={(event) => setLog(event.target.checked)}
                />{" "}
                logarithmic
              </label>
            }
          />
          <Chart spec={specs.errors} heightPx={130} />
          <Chart spec={specs.lag} heightPx={130} />
          <Chart spec={specs.inFlight} heightPx={130} />
          <Chart spec={specs.drivers} heightPx={130} />
        </div>
      </ChartGroup>
    </div>
  );
}
