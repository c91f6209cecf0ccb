import { useMemo } from "react";
import type { LiveRun } from "../../api/schema";
import { Chart } from "../../charts/Chart";
import { ChartGroup } from "../../charts/ChartGroup";
import type { ChartSpec } from "../../charts/line";
import type { Track } from "../../live/track";
import { count } from "../../numbers/digits";
import { duration, rate, share, text, whole } from "../../numbers/figure";
import { Button } from "../../parts/Button";
import type { Row } from "./driverRows";
import { trackColumns } from "./trackColumns";
import "./DriverDetail.css";

type Props = {
  row: Row;
  track: Track;
  run: LiveRun;
  wallAheadMs: number;
  onClose: () => void;
};

/** One driver: who it is, and what it did since the page was opened. */
export function DriverDetail({ row, track, run, wallAheadMs, onClose }: Props) {
  const { driver, heard } = row;
  const startMs = Date.parse(run.started_at ?? run.created_at) - wallAheadMs;
  const { seconds, specs } = useMemo(() => {
    const columns = trackColumns(track, startMs);
    const made: ChartSpec[] = [
      {
        title: "Rate of the last three seconds",
        lines: [{ label: "sent", colour: "sent", values: columns.rate }],
        show: rate,
      },
      {
        title: "CPU",
        lines: [{ label: "share of one core", colour: "level", values: columns.cpu }],
        show: share,
        atLeast: 1,
      },
      {
        title: "In flight",
        lines: [{ label: "at its last report", colour: "level", values: columns.inFlight }],
        show: whole,
        atLeast: 4,
      },
    ];
    return { seconds: columns.seconds, specs: made };
  }, [track, startMs]);
  return (
    <section className="driver-detail" aria-label={driver.driver_id}>
      <div className="driver-detail-head">
        <h3>{driver.driver_id}</h3>
        <Button className="no-print" onClick={onClose}>
          Close
        </Button>
      </div>
      <dl className="driver-detail-facts">
        {factsOf(row).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {heard === null || track.length < 2 ? (
        <p className="soft">Its course over time is known only while the run is watched live.</p>
      ) : (
        <ChartGroup
          label={`${driver.driver_id} since this page was opened`}
          seconds={seconds}
          marks={[]}
        >
          <div className="driver-detail-charts">
            {specs.map((spec) => (
              <Chart key={spec.title} spec={spec} heightPx={120} />
            ))}
          </div>
        </ChartGroup>
      )}
    </section>
  );
}

function factsOf({ driver, heard }: Row): [string, string][] {
  const { response_time: response, service_time: service, lag } = driver;
  const facts: [string, string][] = [
    ["sent", count(driver.sent)],
    ["reported", count(driver.reported)],
    ["response p90", text(duration(response.p90_ns))],
    ["response p99.9", text(duration(response.p999_ns))],
    ["service p50", text(duration(service.p50_ns))],
    ["service p99", text(duration(service.p99_ns))],
    ["lag max", text(duration(lag.max_ns))],
  ];
  if (heard === null) return facts;
  return [
    ...facts,
    ["address", heard.address ?? "–"],
    ["cores", heard.cpu_count === null ? "–" : count(heard.cpu_count)],
    ["version", heard.version ?? "–"],
    ["clock known to", `± ${text(duration(halfOf(heard.clock_round_trip_ns)))}`],
    ...Object.entries(heard.labels),
  ];
}

function halfOf(ns: number | null): number | null {
  return ns === null ? null : ns / 2;
}
