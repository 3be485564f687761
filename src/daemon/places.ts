import type { UnitPlace } from "../config/operations-schema.ts";
import type { LogicalUnit } from "../scsi/logical-unit.ts";
import { lunAddress, lunKey } from "../scsi/lun.ts";
import type { ScsiTargetDevice } from "../scsi/target-device.ts";
import type { UnitNames } from "./shared-units.ts";

/** A place that is not there, is taken, or is empty. */
export class PlaceError extends Error {
  readonly code = "VSCSI_PLACE";
}

/** One place of a target device, where a logical unit may stand. */
export interface Place {
  readonly device: ScsiTargetDevice;
  readonly key: number;
  /** For people: "0x71000003/2.0", "iqn.2026-11.net.vscsi:disks/0". */
  readonly name: string;
}

/** A place by what names it in the configuration; `key` is as the device counts (lunKey, or the LUN of a target). */
export type ExactPlace =
  | { readonly guest?: string | undefined; readonly unitAddress: number; readonly key: number }
  | { readonly iscsiTarget: string; readonly key: number };

interface Showcase {
  readonly name: string;
  /** One that no other has: with the guest. */
  readonly fullName: string;
  readonly device: ScsiTargetDevice;
  readonly nameOf: (key: number) => string;
}

/** Where the daemon shows logical units: its adapters and iSCSI targets, by the names that operators give them. */
export class Places {
  readonly #adapters: (Showcase & { guest: string | undefined; unitAddress: number })[] = [];
  readonly #targets: Showcase[] = [];

  addAdapter(guest: string | undefined, unitAddress: number, device: ScsiTargetDevice): void {
    const name = `0x${unitAddress.toString(16)}`;
    const fullName = guest === undefined ? name : `${guest}@${name}`;
    this.#adapters.push({ name, fullName, device, guest, unitAddress, nameOf: adapterPlaceName });
  }

  removeAdapter(guest: string | undefined, unitAddress: number): void {
    const index = this.#adapters.findIndex((other) => other.guest === guest && other.unitAddress === unitAddress);
    if (index >= 0) this.#adapters.splice(index, 1);
  }

  addTarget(name: string, device: ScsiTargetDevice): void {
    this.#targets.push({ name, fullName: name, device, nameOf: String });
  }

  /** @throws PlaceError when there is no such adapter or target */
  find(place: Exclude<UnitPlace, { unit: string }>): ExactPlace {
    if ("target" in place && "adapter" in place) {
      const { adapter, guest, bus, target, lun } = place;
      const found = this.#adapters.filter(
        (other) => other.unitAddress === adapter && (guest === undefined || other.guest === guest),
      );
      const [only] = found;
      if (only === undefined || found.length > 1) throw new PlaceError(adapterProblem(adapter, found.length));
      return { guest: only.guest, unitAddress: adapter, key: lunKey({ bus, target, lun }) };
    }
    const found = this.#targets.find(({ name }) => name === place.iscsiTarget);
    if (found === undefined) throw new PlaceError(`there is no iSCSI target ${place.iscsiTarget}`);
    return { iscsiTarget: found.name, key: place.lun };
  }

  /** The device and key of a place, and what a unit there is known by. @throws PlaceError */
  at(place: ExactPlace): Place & { names: UnitNames } {
    if ("unitAddress" in place) {
      const { guest, unitAddress, key } = place;
      const found = this.#adapters.find((other) => other.guest === guest && other.unitAddress === unitAddress);
      if (found === undefined) throw new PlaceError(adapterProblem(unitAddress, 0));
      return { ...placeOf(found, key), names: adapterNames(guest, unitAddress, lunAddress(key)) };
    }
    const found = this.#targets.find(({ name }) => name === place.iscsiTarget);
    if (found === undefined) throw new PlaceError(`there is no iSCSI target ${place.iscsiTarget}`);
    return { ...placeOf(found, place.key), names: targetNames(found.name, place.key) };
  }

  /** Every unit that is shown, with the first place where it is: "guest@0x71000003/2.0". */
  firstPlaces(): ReadonlyMap<LogicalUnit, string> {
    const names = new Map<LogicalUnit, string>();
    for (const { fullName, device, nameOf } of [...this.#adapters, ...this.#targets])
      for (const [key, unit] of device.logicalUnits)
        if (!names.has(unit)) names.set(unit, `${fullName}/${nameOf(key)}`);
    return names;
  }

  /** Every place where a unit is shown. */
  of(unit: LogicalUnit): Place[] {
    return [...this.#adapters, ...this.#targets].flatMap((showcase) =>
      [...showcase.device.logicalUnits].filter(([, shown]) => shown === unit).map(([key]) => placeOf(showcase, key)),
    );
  }
}

/** A place for people, unique in the daemon. */
export function placeName(place: ExactPlace): string {
  if ("iscsiTarget" in place) return `${place.iscsiTarget}/${place.key}`;
  const { guest, unitAddress, key } = place;
  return `${guest === undefined ? "" : `${guest}@`}0x${unitAddress.toString(16)}/${adapterPlaceName(key)}`;
}

/** What a unit that is described in an adapter's place is known by. */
function adapterNames(
  guest: string | undefined,
  unitAddress: number,
  { bus, target, lun }: { bus: number; target: number; lun: number },
): UnitNames {
  const place = `${unitAddress.toString(16)}-${bus}-${target}-${lun}`;
  return { place, state: `${guest ?? ""}@${place}` };
}

/** What a unit that is described in an iSCSI target's place is known by. */
function targetNames(target: string, lun: number): UnitNames {
  return { place: `${target}-${lun}`, state: `${target}-${lun}` };
}

function placeOf({ name, device, nameOf }: Showcase, key: number): Place {
  return { device, key, name: `${name}/${nameOf(key)}` };
}

function adapterPlaceName(key: number): string {
  const { bus, target, lun } = lunAddress(key);
  return bus === 0 ? `${target}.${lun}` : `${bus}.${target}.${lun}`;
}

function adapterProblem(unitAddress: number, found: number): string {
  const name = `0x${unitAddress.toString(16)}`;
  return found === 0 ? `there is no adapter ${name}` : `several guests have an adapter ${name}: name the guest`;
}
