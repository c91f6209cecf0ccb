import { Button } from "../../parts/Button";
import { Wrongs } from "../../parts/Field";
import { ChoiceField } from "./ChoiceField";
import { errorsAt, useDesk } from "./desk";
import { Folded } from "./Folded";
import { isObject, type Json } from "./json";
import { added, removed } from "./list";
import { Pairs } from "./Pairs";
import { PlanField } from "./PlanField";
import type { Path } from "./path";
import { LINES_KIND, NUMBER_KIND, TEXT_KIND, WORDS_KIND } from "./typed";
import "./Requests.css";

const MOST = 32;
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].map(
  (method) => [method, method] as const,
);

/** What is asked of the target; with several, each gets its share by weight. */
export function Requests() {
  const desk = useDesk();
  const { requests } = desk.plan;
  const given = Array.isArray(requests) ? requests : [];
  const change = (next: Json[]) => desk.set(["requests"], next);
  return (
    <div data-path="requests" tabIndex={-1}>
      {given.map((request, place) => (
        <Request
          // biome-ignore lint/suspicious/noArrayIndexKey: a request is known by its place
          key={place}
          place={place}
          name={nameOf(request, place)}
          only={given.length === 1}
          onRemove={() => change(removed(given, place))}
        />
      ))}
      <Wrongs errors={errorsAt(desk, ["requests"])} />
      <Button
        className="button-small"
        disabled={given.length >= MOST}
        onClick={() => change(added(given, { path: "/" }))}
      >
        Add a request
      </Button>
    </div>
  );
}

type Props = { place: number; name: string; only: boolean; onRemove: () => void };

function Request({ place, name, only, onRemove }: Props) {
  const path: Path = ["requests", place];
  return (
    <fieldset className="request" data-path={`requests[${place}]`} tabIndex={-1}>
      <legend className="unseen">Request {name}</legend>
      <div className="request-first">
        <ChoiceField path={[...path, "method"]} label="Method" options={METHODS} />
        <PlanField
          path={[...path, "path"]}
          label="Path"
          kind={TEXT_KIND}
          look="mono"
          example="/ping"
        />
        <PlanField path={[...path, "weight"]} label="Weight" kind={NUMBER_KIND} example="1" />
        <Button
          className="button-sign"
          disabled={only}
          aria-label={`Remove request ${name}`}
          onClick={onRemove}
        >
          ✕
        </Button>
      </div>
      <Wrongs errors={errorsAt(useDesk(), path)} />
      <Folded
        title="Name, headers, body, what is expected"
        paths={["name", "headers", "body", "expect"].map((key) => [...path, key])}
      >
        <PlanField
          path={[...path, "name"]}
          label="Name"
          kind={TEXT_KIND}
          example={name}
          hint="Stands in the report; by itself, the method and the path."
        />
        <Pairs
          path={[...path, "headers"]}
          title="Headers"
          one="header"
          // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how plans name secrets
          examples={["Authorization", "Bearer ${secret:TOKEN}"]}
        />
        <PlanField
          path={[...path, "body"]}
          label="Body"
          kind={LINES_KIND}
          lines={3}
          look="mono"
          example={'{"items": 3}'}
          hint={
            <>
              Sent as it is. <code>$&#123;secret:NAME&#125;</code> becomes what the drivers have as
              SPATE_SECRET_NAME.
            </>
          }
        />
        <div className="form-pair">
          <PlanField
            path={[...path, "expect", "status"]}
            label="Expected status"
            kind={WORDS_KIND}
            example="2xx, 3xx"
            hint="Codes or classes; anything else has failed."
          />
          <PlanField
            path={[...path, "expect", "body_contains"]}
            label="Expected in the body"
            kind={LINES_KIND}
            example="PONG"
            hint="Nothing is looked for while this is empty."
          />
        </div>
      </Folded>
    </fieldset>
  );
}

function nameOf(request: Json, place: number): string {
  const { name, method = "GET", path } = isObject(request) ? request : {};
  if (typeof name === "string") return name;
  return typeof path === "string" ? `${method} ${path}` : `${place + 1}`;
}
