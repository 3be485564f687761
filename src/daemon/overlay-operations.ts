import { discardParameters, overlayParameters, type UnitPlace } from "../config/operations-schema.ts";
import type { Methods } from "../control/method.ts";
import type { OverlaySummary } from "../control/results.ts";
import { OverlayError } from "../filters/overlay/overlay-error.ts";
import type { OverlayStore } from "../filters/overlay/overlay-store.ts";
import { overlayOf } from "../filters/overlay-of.ts";
import { type Drive, driveOf } from "../scsi/drive.ts";
import { method } from "./method.ts";
import type { RunningConfiguration } from "./running/running-configuration.ts";
import { findUnit, type UnitDirectory } from "./unit-lookup.ts";

interface OverlayOperationsOptions extends UnitDirectory {
  readonly running: RunningConfiguration;
}

/** What an operator may ask of the overlays of a running daemon. */
export function overlayMethods(options: OverlayOperationsOptions): Methods {
  const at = (place: UnitPlace) => overlayAt(options, place);
  return {
    "overlay.status": method("Tells what a unit's overlay has.", overlayParameters, ({ place }) =>
      summary(at(place).overlay),
    ),
    "overlay.merge": method(
      "Begins to merge a unit's overlay into its base; overlay.status tells how far it is.",
      overlayParameters,
      ({ place }) =>
        options.running.exclusively(() => {
          const { overlay } = at(place);
          overlay.beginMerge();
          return summary(overlay);
        }),
    ),
    "overlay.discard": method("Throws away what a unit's overlay has.", discardParameters, ({ place, force }) =>
      options.running.exclusively(async () => {
        const { drive, overlay } = at(place);
        await drive.replaceContents(() => overlay.discard(), force);
        return summary(overlay);
      }),
    ),
  };
}

/** @throws OverlayError when the unit there has none; UnitNameError, PlaceError */
function overlayAt(options: UnitDirectory, place: UnitPlace): { drive: Drive; overlay: OverlayStore } {
  const drive = driveOf(findUnit(options, place));
  const overlay = overlayOf(drive.medium.store);
  if (overlay === undefined) throw new OverlayError(`${drive.description}: has no overlay`);
  return { drive, overlay };
}

function summary({ description, changedBytes, merge }: OverlayStore): OverlaySummary {
  return { description, changedBytes, ...(merge && { merge }) };
}
