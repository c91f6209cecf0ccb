import { useResource } from "../../api/resource";
import type { DriverList, Fleet } from "../../api/schema";
import { useNow } from "../../live/useNow";
import { count } from "../../numbers/digits";
import { age } from "../../numbers/instant";
import { Failure } from "../../parts/Failure";
import { Frame } from "../../parts/Frame";
import { Notice } from "../../parts/Notice";
import { Coded } from "./Coded";
import { FleetDrivers } from "./FleetDrivers";
import { Pods } from "./Pods";
import { Scale } from "./Scale";
import "./FleetPage.css";

const ASK_EVERY_MS = 1_000;
const LOOK_EVERY_MS = 500;
const STALE_AFTER_MS = 4_000;

/** The drivers there are, those there are to be, and what keeps them from coming. */
export function FleetPage() {
  const fleet = useResource<Fleet>("/fleet", ASK_EVERY_MS);
  const drivers = useResource<DriverList>("/drivers", ASK_EVERY_MS);
  const nowMs = useNow(LOOK_EVERY_MS);
  const oldMs = fleet.atMs === null ? null : Math.max(0, nowMs - fleet.atMs);
  const stale = oldMs !== null && oldMs > STALE_AFTER_MS;
  return (
    <Frame title="Fleet" aside={oldMs !== null && <Age oldMs={oldMs} stale={stale} />}>
      <h1>Fleet</h1>
      {fleet.error !== null && (
        <div className="fleet-notice">
          <Failure error={fleet.error} />
        </div>
      )}
      {fleet.data === null ? (
        fleet.error === null && <p className="soft">Looking at the fleet …</p>
      ) : (
        <div className={stale ? "fleet-stale" : undefined}>
          <Size fleet={fleet.data} />
          {fleet.data.problem != null && (
            <div className="fleet-notice">
              <Notice kind="degraded" title="Something keeps the fleet from being as wanted">
                <p>{fleet.data.problem}</p>
              </Notice>
            </div>
          )}
          <section className="section">
            <h2>Number of drivers</h2>
            {fleet.data.scaled_by === "spate" && (
              <Scale fleet={fleet.data} onScaled={fleet.reload} />
            )}
            {fleet.data.hint != null && (
              <p className="fleet-hint">
                <Coded sentence={sentenceOf(fleet.data.hint)} />
              </p>
            )}
          </section>
          {fleet.data.on_kubernetes && <Pods pods={fleet.data.pods ?? []} />}
          <FleetDrivers drivers={drivers.data?.drivers ?? null} error={drivers.error} />
        </div>
      )}
    </Frame>
  );
}

function Age({ oldMs, stale }: { oldMs: number; stale: boolean }) {
  return stale ? (
    <span className="fleet-old">⚠ reconnecting, as of {age(oldMs / 1000)} ago</span>
  ) : (
    <span className="soft">● as of now</span>
  );
}

function Size({ fleet }: { fleet: Fleet }) {
  const { on_kubernetes: onKubernetes, desired, ready, eligible } = fleet;
  return (
    <>
      <dl className="fleet-size" aria-label="The fleet now">
        <Count name="eligible" n={eligible} means="could be given work now" />
        {onKubernetes && <Count name="ready" n={ready} means="pods that are ready" />}
        {onKubernetes && <Count name="desired" n={desired} means="pods that are to be there" />}
      </dl>
      {onKubernetes && (
        <p className="soft">
          Deployment <span className="mono">{fleet.deployment}</span> in the namespace{" "}
          <span className="mono">{fleet.namespace}</span>.
        </p>
      )}
    </>
  );
}

function Count({ name, n, means }: { name: string; n: number | null; means: string }) {
  return (
    <div data-number={name}>
      <dt>{name}</dt>
      <dd className="fleet-figure">{count(n)}</dd>
      <dd className="fleet-means">{means}</dd>
    </div>
  );
}

/** The API's hints go on from a colon; here they stand alone. */
function sentenceOf(hint: string): string {
  const text = hint.charAt(0).toUpperCase() + hint.slice(1);
  return text.endsWith(".") ? text : `${text}.`;
}
