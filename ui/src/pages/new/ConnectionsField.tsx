import { PlanField } from "./PlanField";
import { NUMBER_KIND } from "./typed";

/** How many connections a driver has: in closed load they are the load, in open load its limit. */
export function ConnectionsField({ closed }: { closed: boolean }) {
  return (
    <PlanField
      path={["limits", "connections"]}
      label="Connections"
      unit="per driver"
      kind={NUMBER_KIND}
      example="64"
      look={closed ? "short" : "long"}
      hint={
        closed
          ? "So many requests of a driver are under way at once; 1 to 10,000."
          : "Kept alive and used again; 1 to 10,000."
      }
    />
  );
}
