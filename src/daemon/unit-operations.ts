import type { z } from "zod";
import { openStore } from "../backends/open-store.ts";
import {
  addParameters,
  ejectParameters,
  loadParameters,
  removeParameters,
  resizeParameters,
  type UnitPlace,
  writeProtectParameters,
} from "../config/operations-schema.ts";
import type { Methods } from "../control/method.ts";
import type { UnitSummary } from "../control/results.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { Drive } from "../scsi/drive.ts";
import { method } from "./method.ts";
import { type Place, PlaceError, type Places } from "./places.ts";
import type { SharedUnits } from "./shared-units.ts";

export interface UnitOperationsOptions {
  readonly places: Places;
  readonly units: SharedUnits;
  readonly memory: SharedMemory;
  readonly clock: Clock;
  readonly log: Log;
}

/** Units that come, go and change under their clients: what an operator may ask of a running daemon. */
export class UnitOperations {
  readonly #options: UnitOperationsOptions;

  constructor(options: UnitOperationsOptions) {
    this.#options = options;
  }

  /** The methods of the control socket. */
  readonly methods: Methods = {
    "unit.add": method("Shows a new logical unit, or opens a named one.", addParameters, (params) => this.#add(params)),
    "unit.remove": method("Takes a unit away; its commands may end first.", removeParameters, (params) =>
      this.#remove(params),
    ),
    "unit.resize": method("Takes over the medium's size, or gives it one.", resizeParameters, (params) =>
      this.#resize(params),
    ),
    "unit.writeProtect": method(
      "Protects the medium from being written, or no longer.",
      writeProtectParameters,
      (params) => this.#writeProtect(params),
    ),
    "medium.eject": method("Opens the tray and takes the medium away.", ejectParameters, (params) =>
      this.#eject(params),
    ),
    "medium.load": method("Puts a medium in, in the place of what is there.", loadParameters, (params) =>
      this.#load(params),
    ),
  };

  /** @throws ConfigError, UnitNameError, PlaceError, StoreOpenError, StateDirectoryError */
  #add(parameters: z.output<typeof addParameters>): UnitSummary {
    const { places, units } = this.#options;
    if ("name" in parameters) return this.#told("added", units.openNamed(parameters));
    const { device, key, name, names } = places.find(parameters);
    if (device.logicalUnits.has(key)) throw new PlaceError(`there is a logical unit at ${name} already`);
    const unit = units.take(parameters, names);
    device.addLogicalUnit(key, unit);
    return this.#told("added", unit);
  }

  /** From one place; by its name from every place. It is closed when nobody shows it any more. @throws as above */
  async #remove({ place, grace }: z.output<typeof removeParameters>): Promise<UnitSummary> {
    const { places, units } = this.#options;
    const unit = this.#unitAt(place);
    const leaving = "unit" in place ? places.of(unit) : [places.find(place)];
    await Promise.all(leaving.map((from) => this.#takeAway(from, grace)));
    const summary = this.#told("removed", unit);
    const stays = !("unit" in place) && units.nameOf(unit) !== undefined;
    if (!stays && summary.places.length === 0) await units.retire(unit);
    return summary;
  }

  /** Lets its tasks end, for a while; then aborts them. */
  #takeAway({ device, key }: Place, grace: number): Promise<void> {
    return new Promise((resolve) => {
      let cancel: (() => void) | undefined;
      let gone = false;
      const abort = device.removeLogicalUnit(key, () => {
        gone = true;
        cancel?.();
        resolve();
      });
      if (!gone && abort !== undefined) cancel = this.#options.clock.after(grace, abort);
    });
  }

  #resize({ place, size }: z.output<typeof resizeParameters>): UnitSummary {
    const unit = this.#unitAt(place);
    unit.resizeMedium(size);
    return this.#told("resized", unit);
  }

  #writeProtect({ place, readOnly }: z.output<typeof writeProtectParameters>): UnitSummary {
    const unit = this.#unitAt(place);
    unit.protectMedium(readOnly);
    return this.#told(readOnly ? "write-protected" : "made writable", unit);
  }

  async #eject({ place, force }: z.output<typeof ejectParameters>): Promise<UnitSummary> {
    const unit = this.#unitAt(place);
    await unit.ejectMedium(force);
    return this.#told("medium ejected", unit);
  }

  /** In an empty drive, or in the place of what is there. */
  async #load({ place, backend, readOnly, force }: z.output<typeof loadParameters>): Promise<UnitSummary> {
    const { memory, log } = this.#options;
    const unit = this.#unitAt(place);
    const store = openStore(backend, { memory, readOnly, log });
    try {
      await unit.loadMedium(unit.mediumOf(store, readOnly), force);
    } catch (error) {
      if (unit.medium.store !== store) await store.close();
      throw error;
    }
    return this.#told("medium loaded", unit);
  }

  /** @throws UnitNameError, PlaceError */
  #unitAt(place: UnitPlace): Drive {
    if ("unit" in place) return this.#options.units.named(place.unit);
    const { device, key, name } = this.#options.places.find(place);
    const unit = device.logicalUnits.get(key);
    if (!(unit instanceof Drive)) throw new PlaceError(`there is no logical unit at ${name}`);
    return unit;
  }

  #told(what: string, unit: Drive): UnitSummary {
    const { places, units, log } = this.#options;
    const name = units.nameOf(unit);
    const { size, readOnly, description } = unit;
    const shown = places.of(unit).map((place) => place.name);
    const summary = { ...(name !== undefined && { name }), places: shown, size, readOnly, description };
    log.info(summary, `logical unit: ${what}`);
    return summary;
  }
}
