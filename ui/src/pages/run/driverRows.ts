import type { DriverRow, LiveDriver } from "../../api/schema";
import { rateOf, type Track } from "../../live/track";

/** A driver as the table shows it: what the run knows of it, and what the fleet does. */
export type Row = {
  driver: LiveDriver;
  /** Null: the fleet does not know it (any more). */
  heard: DriverRow | null;
  ratePerS: number | null;
};

/** Returns the rows of a run's drivers, by name with numbers in order; pure. */
export function driverRows(
  drivers: readonly LiveDriver[],
  fleet: readonly DriverRow[],
  tracks: ReadonlyMap<string, Track>,
  nowMs: number,
): Row[] {
  const heard = new Map(fleet.map((row) => [row.driver_id, row]));
  return drivers
    .map((driver) => ({
      driver,
      heard: heard.get(driver.driver_id) ?? null,
      ratePerS: rateOf(tracks.get(driver.driver_id) ?? [], nowMs),
    }))
    .sort((a, b) => byName.compare(a.driver.driver_id, b.driver.driver_id));
}

const byName = new Intl.Collator("en", { numeric: true });
