import type { FleetEvent } from "../../api/schema";
import type { Mark } from "../../charts/line";

const GRAVE: readonly string[] = ["lost", "problem", "fenced"];

/** What happens so close together is one mark: nobody could point at the second one. */
const ONE_WITHIN_S = 0.3;

/** Returns what the charts mark: what happened to the fleet since the start.
 *
 * What came before the start has no place on the axis. */
export function marksOf(events: readonly FleetEvent[]): Mark[] {
  const marks: Mark[] = [];
  for (const { offset_s, kind, text } of events) {
    if (offset_s < 0 || kind === "state") continue;
    const grave = GRAVE.includes(kind);
    const last = marks.at(-1);
    if (last && offset_s - last.offset_s < ONE_WITHIN_S) {
      last.text = `${last.text}; ${text}`;
      last.grave ||= grave;
    } else {
      marks.push({ offset_s, text, grave });
    }
  }
  return marks;
}
