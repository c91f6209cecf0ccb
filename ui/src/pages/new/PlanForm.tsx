import { Advanced } from "./Advanced";
import { LoadFields } from "./LoadFields";
import { PlanField } from "./PlanField";
import { Requests } from "./Requests";
import { Thresholds } from "./Thresholds";
import { TEXT_KIND } from "./typed";

/** Every field of a plan, from what everybody sets to what hardly anybody does. */
export function PlanForm() {
  return (
    <>
      <section className="form-part">
        <div className="form-pair">
          <PlanField
            path={["name"]}
            label="Name"
            kind={TEXT_KIND}
            example="checkout-smoke"
            hint="Small letters, digits and hyphens."
          />
          <PlanField
            path={["target"]}
            label="Target"
            kind={TEXT_KIND}
            look="mono"
            example="http://127.0.0.1:8000"
            hint="Scheme, host and port; it must be on the allowlist."
          />
        </div>
      </section>
      <section className="form-part">
        <h2>Load</h2>
        <LoadFields />
      </section>
      <section className="form-part">
        <h2>Requests</h2>
        <Requests />
      </section>
      <section className="form-part">
        <h2>Thresholds</h2>
        <Thresholds />
      </section>
      <section className="form-part">
        <h2>More</h2>
        <Advanced />
      </section>
    </>
  );
}
