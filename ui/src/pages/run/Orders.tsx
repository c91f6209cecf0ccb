import { useState } from "react";
import { asApiError, send } from "../../api/call";
import type { ApiError } from "../../api/problem";
import type { LiveRun } from "../../api/schema";
import { Button } from "../../parts/Button";
import { Confirm } from "../../parts/Confirm";
import { Failure } from "../../parts/Failure";

type Order = "stop" | "abort";

/** The buttons that end a run; both ask before they do. */
export function Orders({ run }: { run: LiveRun }) {
  const [asked, setAsked] = useState<Order | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const give = async (order: Order) => {
    setAsked(null);
    setError(null);
    try {
      await send("POST", `/runs/${encodeURIComponent(run.id)}/${order}`);
    } catch (problem) {
      setError(asApiError(problem));
    }
  };
  return (
    <>
      <Button disabled={run.state === "DRAINING"} onClick={() => setAsked("stop")}>
        Stop
      </Button>
      <Button kind="grave" onClick={() => setAsked("abort")}>
        Abort
      </Button>
      {asked === "stop" && (
        <Confirm
          question={`Stop ${run.name}?`}
          verb="Stop: finish what is in flight"
          kind="main"
          onConfirm={() => void give("stop")}
          onCancel={() => setAsked(null)}
        >
          <p>
            Nothing new is sent from now on, and what is in flight is finished. The run ends
            FINISHED, its report covers what was sent, and the rest counts as missed(aborted).
          </p>
        </Confirm>
      )}
      {asked === "abort" && (
        <Confirm
          question={`Abort ${run.name}?`}
          verb="Abort now"
          kind="grave"
          onConfirm={() => void give("abort")}
          onCancel={() => setAsked(null)}
        >
          <p>
            The run ends at once: what is in flight is cancelled, and may stay unconfirmed. It ends
            ABORTED and does not pass. This cannot be taken back.
          </p>
        </Confirm>
      )}
      {error !== null && <Failure error={error} />}
    </>
  );
}
