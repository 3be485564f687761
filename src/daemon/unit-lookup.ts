import type { UnitPlace } from "../config/operations-schema.ts";
import type { LogicalUnit } from "../scsi/logical-unit.ts";
import { type ExactPlace, PlaceError, type Places } from "./places.ts";
import type { SharedUnits } from "./shared-units.ts";

/** Where units are found. */
export interface UnitDirectory {
  readonly places: Places;
  readonly units: SharedUnits;
}

/** The unit of a name, or at a place. @throws UnitNameError, PlaceError */
export function findUnit({ places, units }: UnitDirectory, place: UnitPlace): LogicalUnit {
  return "unit" in place ? units.named(place.unit) : unitThere(places, places.find(place));
}

/** @throws PlaceError */
export function unitThere(places: Places, place: ExactPlace): LogicalUnit {
  const { device, key, name } = places.at(place);
  const unit = device.logicalUnits.get(key);
  if (unit === undefined) throw new PlaceError(`there is no logical unit at ${name}`);
  return unit;
}
