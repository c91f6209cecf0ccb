import { useState } from "react";
import { useResource } from "../../api/resource";
import type { About, Fleet, RunView } from "../../api/schema";
import { Failure } from "../../parts/Failure";
import { Frame } from "../../parts/Frame";
import { Notice } from "../../parts/Notice";
import { preparedOf } from "./address";
import { firstPlan } from "./beginning";
import { withoutDefaults } from "./defaults";
import type { JsonObject } from "./json";
import { PlanDesk } from "./PlanDesk";

const ASK_EVERY_MS = 3_000;

/** Where a run is prepared: from nothing, from an old run, or from an address that was sent. */
export function NewPage() {
  const [from] = useState(() => new URLSearchParams(location.search).get("from"));
  const [prepared] = useState(() => preparedOf(location.hash));
  const fleet = useResource<Fleet>("/fleet", ASK_EVERY_MS);
  const old = useResource<RunView>(
    prepared === null && from !== null ? `/runs/${encodeURIComponent(from)}` : null,
  );
  const about = useResource<About>("/about");
  const fresh = firstPlan(about.data?.sample_target ?? null);
  const isKnown = about.data !== null || about.error !== null;
  return (
    <Frame title="New run">
      <h1>New run</h1>
      {prepared !== null ? (
        <PlanDesk
          first={"plan" in prepared ? prepared.plan : fresh}
          text={"yaml" in prepared ? prepared.yaml : null}
          fresh={fresh}
          fleet={fleet.data}
        />
      ) : from !== null && old.data === null && old.error?.status !== 404 ? (
        old.error === null ? (
          <p className="soft">Opening the plan of {from} …</p>
        ) : (
          <Failure error={old.error} onRetry={old.reload} />
        )
      ) : isKnown ? (
        <>
          {old.data === null && from !== null && (
            <Notice kind="plain" title={`There is no run ${from}`}>
              <p>So this is a plan to begin with.</p>
            </Notice>
          )}
          <PlanDesk
            first={old.data === null ? fresh : briefPlan(old.data)}
            text={null}
            fresh={fresh}
            fleet={fleet.data}
          />
        </>
      ) : (
        <p className="soft">Looking for a target to begin with …</p>
      )}
    </Frame>
  );
}

function briefPlan({ run }: RunView): JsonObject {
  // What came as JSON is JSON: the type of a plan only says more of it.
  return withoutDefaults(run.plan as unknown as JsonObject);
}
