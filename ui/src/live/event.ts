import type { EndData, FleetData, SnapshotData, StateData, WindowData } from "../api/schema";
import type { SseEvent } from "./sse";

/** What the stream of a run says, one case a kind. */
export type LiveEvent =
  | { kind: "snapshot"; data: SnapshotData }
  | { kind: "state"; data: StateData }
  | { kind: "window"; data: WindowData }
  | { kind: "fleet"; data: FleetData }
  | { kind: "end"; data: EndData };

const KINDS: readonly string[] = ["snapshot", "state", "window", "fleet", "end"];

/** Returns an event with its data read; null where this page knows no such kind.
 *
 * Interfaces only grow: a kind that is new to an old page is passed over. */
export function readEvent(event: SseEvent): LiveEvent | null {
  if (!KINDS.includes(event.kind)) return null;
  return { kind: event.kind, data: JSON.parse(event.data) } as LiveEvent;
}
