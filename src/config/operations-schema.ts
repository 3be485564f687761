import { z } from "zod";
import { checkShownUnit, namedUnit, shownUnit, size, storeBackend, unitAddress, unitName } from "./unit-schema.ts";

/** What an operator may ask of a running daemon: the parameters of the control socket's methods. */

/** Milliseconds that tasks may take to end before they are aborted. */
const GRACE = 5_000;
const GRACE_MAXIMUM = 60_000;

const adapterPlace = {
  adapter: unitAddress,
  guest: z.string().optional(),
  bus: z.number().int().min(0).max(7).default(0),
  target: z.number().int().min(0).max(63),
  lun: z.number().int().min(0).max(31).default(0),
};
const targetPlace = { iscsiTarget: z.string(), lun: z.number().int().min(0).max(0x3fff) };

/** A unit by its name, or by where it stands. */
const place = z.union([z.strictObject({ unit: unitName }), z.strictObject(adapterPlace), z.strictObject(targetPlace)], {
  error: 'a place: {"unit"}, {"adapter","target"} or {"iscsiTarget","lun"}',
});

const force = z.boolean().default(false);

export const addParameters = z.union(
  [
    namedUnit,
    z.strictObject({ ...adapterPlace, ...shownUnit }).superRefine(checkShownUnit),
    z.strictObject({ ...targetPlace, ...shownUnit }).superRefine(checkShownUnit),
  ],
  { error: "a named unit, or a place with a unit's name or description" },
);
export const removeParameters = z.strictObject({
  place,
  grace: z.number().int().min(0).max(GRACE_MAXIMUM).default(GRACE),
});
export const resizeParameters = z.strictObject({ place, size: size.optional() });
export const writeProtectParameters = z.strictObject({ place, readOnly: z.boolean() });
export const ejectParameters = z.strictObject({ place, force });
export const loadParameters = z.strictObject({
  place,
  backend: storeBackend,
  readOnly: z.boolean().default(false),
  force,
});

export const overlayParameters = z.strictObject({ place });
export const discardParameters = z.strictObject({ place, force });

export type UnitPlace = z.output<typeof place>;
