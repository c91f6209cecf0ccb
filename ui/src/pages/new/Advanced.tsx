import { Wrongs } from "../../parts/Field";
import { ChoiceField } from "./ChoiceField";
import { ConnectionsField } from "./ConnectionsField";
import { errorsAt, useDesk } from "./desk";
import { FlagField } from "./FlagField";
import { Folded } from "./Folded";
import { Pairs } from "./Pairs";
import { PlanField } from "./PlanField";
import { at } from "./path";
import { LINES_KIND, NUMBER_KIND, TEXT_KIND } from "./typed";

/** What a plan can say besides; each has a default that works. */
export function Advanced() {
  const desk = useDesk();
  const isClosed = at(desk.plan, ["load", "test_type"]) === "avalanche";
  return (
    <>
      <Folded title="Limits" paths={[["limits"]]}>
        <Wrongs errors={errorsAt(desk, ["limits"])} />
        <div className="form-pair">
          {!isClosed && <ConnectionsField closed={false} />}
          <PlanField
            path={["limits", "in_flight"]}
            label="In flight, at most"
            unit="per driver"
            kind={NUMBER_KIND}
            example="1000"
            hint="What is due beyond it is dropped, and counted; for open load."
          />
          <PlanField
            path={["limits", "timeout"]}
            label="Timeout"
            kind={TEXT_KIND}
            example="10s"
            hint="For each request, with waiting for a connection; at most 20s."
          />
          <PlanField
            path={["limits", "connect_timeout"]}
            label="Connect timeout"
            kind={TEXT_KIND}
            example="5s"
            hint="For opening a connection; not longer than the timeout."
          />
        </div>
      </Folded>
      <Folded title="Drivers" paths={[["drivers"]]}>
        <Wrongs errors={errorsAt(desk, ["drivers"])} />
        <div className="form-pair">
          <PlanField
            path={["drivers", "min"]}
            label="At least"
            unit="drivers"
            kind={NUMBER_KIND}
            example="1"
            hint="The run does not start with fewer."
          />
          <PlanField
            path={["drivers", "wait"]}
            label="Wait for them"
            kind={TEXT_KIND}
            example="30s"
            hint="After that the run has failed; at most 1h."
          />
          <ChoiceField
            path={["drivers", "on_loss"]}
            label="When a driver is lost"
            options={[
              ["takeover", "the others take over"],
              ["abort", "the run is aborted"],
            ]}
          />
        </div>
      </Folded>
      <Folded title="Description and labels" paths={[["description"], ["labels"]]}>
        <PlanField
          path={["description"]}
          label="Description"
          kind={LINES_KIND}
          lines={2}
          example="The shop before the sale, with the new cache."
        />
        <Pairs path={["labels"]} title="Labels" one="label" examples={["team", "checkout"]} />
      </Folded>
      <Folded title="TLS" paths={[["tls"]]}>
        <Wrongs errors={errorsAt(desk, ["tls"])} />
        <FlagField
          path={["tls", "verify"]}
          standard={true}
          label="Verify the target's certificate"
        />
        <PlanField
          path={["tls", "server_name"]}
          label="Server name"
          kind={TEXT_KIND}
          example="shop.example.com"
          hint="The name in the certificate, where it is not the target's host."
        />
        <PlanField
          path={["tls", "ca"]}
          label="Authorities"
          kind={LINES_KIND}
          lines={3}
          look="mono"
          example="-----BEGIN CERTIFICATE-----"
          hint="Certificates as PEM text; by itself, those of the drivers' system."
        />
      </Folded>
      <Folded
        title="Seed, spacing, request headers"
        paths={[["seed"], ["options"], ["load", "spacing"]]}
      >
        <Wrongs errors={errorsAt(desk, ["options"])} />
        <div className="form-pair">
          <PlanField
            path={["seed"]}
            label="Seed"
            kind={NUMBER_KIND}
            example="1"
            hint="Chooses which request is sent when; the same seed, the same order."
          />
          <PlanField
            path={["options", "traceparent"]}
            label="Traced share"
            kind={NUMBER_KIND}
            example="0"
            hint="From 0 to 1: so many requests carry trace context; the report lists the slowest."
          />
          {at(desk.plan, ["load", "test_type"]) === "arrivals" && (
            <ChoiceField
              path={["load", "spacing"]}
              label="Spacing"
              options={[
                ["uniform", "uniform: evenly apart"],
                ["poisson", "poisson: at random, like independent users"],
              ]}
            />
          )}
        </div>
        <FlagField
          path={["options", "index_header"]}
          standard={false}
          label={
            <>
              Add <code>Spate-Index: RUN/INDEX</code> to every request, to find it in the target's
              log
            </>
          }
        />
      </Folded>
    </>
  );
}
