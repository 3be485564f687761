import type { z } from "zod";
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
import type { Log } from "../core/log.ts";
import { driveOf } from "../scsi/drive.ts";
import type { LogicalUnit } from "../scsi/logical-unit.ts";
import type { UnitConfig } from "./logical-units.ts";
import { method } from "./method.ts";
import { type ExactPlace, PlaceError } from "./places.ts";
import type { Action } from "./running/actions.ts";
import { addNamed, dropNamed, dropShown, type Edit, editNamed, putShown, shownAt } from "./running/edits.ts";
import type { RunningConfiguration } from "./running/running-configuration.ts";
import type { ShownUnitConfig } from "./shared-units.ts";
import { findUnit, type UnitDirectory, unitThere } from "./unit-lookup.ts";

export interface UnitOperationsOptions extends UnitDirectory {
  readonly running: RunningConfiguration;
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
  async #add(parameters: z.output<typeof addParameters>): Promise<UnitSummary> {
    const { running, units } = this.#options;
    if ("name" in parameters) {
      await running.change(addNamed(parameters));
      return this.#told("added", units.named(parameters.name));
    }
    if (parameters.unit !== undefined) units.named(parameters.unit);
    const place = this.#options.places.find(parameters);
    const { name } = this.#options.places.at(place);
    await running.change((config) => {
      const there = shownAt(config, place);
      if (there !== undefined && isActive(there)) throw new PlaceError(`there is a logical unit at ${name} already`);
      return putShown(place, bodyOf(parameters))(config);
    });
    return this.#told("added", unitThere(this.#options.places, place));
  }

  /** From one place; by its name from every place. It is closed when nobody shows it any more. @throws as above */
  async #remove({ place, grace }: z.output<typeof removeParameters>): Promise<UnitSummary> {
    const { running, places } = this.#options;
    const unit = findUnit(this.#options, place);
    await running.change("unit" in place ? dropNamed(place.unit) : dropShown(places.find(place)), { grace });
    return this.#told("removed", unit);
  }

  /** Memory is as large as the configuration has it; a file is as large as it is. */
  async #resize({ place, size }: z.output<typeof resizeParameters>): Promise<UnitSummary> {
    const { running } = this.#options;
    const unit = driveOf(findUnit(this.#options, place));
    const config = this.#configOf(place);
    if (size !== undefined && config.backend?.type === "memory")
      await this.#change(place, { ...config, backend: { ...config.backend, size } }, { ...config });
    else await running.exclusively(() => unit.resizeMedium(size));
    return this.#told("resized", unit);
  }

  async #writeProtect({ place, readOnly }: z.output<typeof writeProtectParameters>): Promise<UnitSummary> {
    const unit = driveOf(findUnit(this.#options, place));
    const config = this.#configOf(place);
    await this.#change(place, { ...config, readOnly }, config);
    return this.#told(readOnly ? "write-protected" : "made writable", unit);
  }

  async #eject({ place, force }: z.output<typeof ejectParameters>): Promise<UnitSummary> {
    const { running } = this.#options;
    const unit = driveOf(findUnit(this.#options, place));
    const config = this.#configOf(place);
    // An empty drive opens its tray.
    if (config.backend === undefined || !unit.removable) await running.exclusively(() => unit.ejectMedium(force));
    else await this.#change(place, { ...config, backend: undefined }, config, force);
    return this.#told("medium ejected", unit);
  }

  /** In an empty drive, or in the place of what is there. */
  async #load({ place, backend, readOnly, force }: z.output<typeof loadParameters>): Promise<UnitSummary> {
    const unit = driveOf(findUnit(this.#options, place));
    const config = this.#configOf(place);
    // From nothing: the medium that is there is changed though it may be the same one.
    await this.#change(place, { ...config, backend, readOnly }, { ...config, backend: undefined }, force);
    return this.#told("medium loaded", unit);
  }

  /** Changes a unit in place and keeps that. */
  async #change(place: UnitPlace, to: UnitConfig, from: UnitConfig, force = false): Promise<void> {
    const { running } = this.#options;
    const { edit, action } = this.#changeOf(place, to, from);
    await running.change(edit, { force, actions: [action] });
  }

  #changeOf(place: UnitPlace, to: UnitConfig, from: UnitConfig): { edit: Edit; action: Action } {
    const name = this.#nameAt(place);
    if (name !== undefined) {
      const named = (config: UnitConfig) => ({ ...config, name });
      return {
        edit: editNamed(name, () => named(to)),
        action: { do: "change-unit", from: named(from), to: named(to) },
      };
    }
    const exact = this.#exact(place);
    return { edit: putShown(exact, to), action: { do: "change-shown", place: exact, from, to } };
  }

  /** The description of a unit: its own where it has a name. @throws PlaceError, UnitNameError */
  #configOf(place: UnitPlace): UnitConfig {
    const { config } = this.#options.running;
    const name = this.#nameAt(place);
    const found =
      name === undefined ? shownAt(config, this.#exact(place)) : config.logicalUnits.find((unit) => unit.name === name);
    if (found === undefined) throw new PlaceError("there is no logical unit at this place");
    const { name: _name, ...body } = { name: undefined, ...found };
    return body;
  }

  #nameAt(place: UnitPlace): string | undefined {
    return this.#options.units.nameOf(findUnit(this.#options, place));
  }

  #exact(place: UnitPlace): ExactPlace {
    if ("unit" in place) throw new PlaceError(`${place.unit} is a name, no place`);
    return this.#options.places.find(place);
  }

  #told(what: string, unit: LogicalUnit): UnitSummary {
    const { places, units, log } = this.#options;
    const name = units.nameOf(unit);
    const { size, readOnly, description } = unit;
    const shown = places.of(unit).map((place) => place.name);
    const summary = { ...(name !== undefined && { name }), places: shown, size, readOnly, description };
    log.info(summary, `logical unit: ${what}`);
    return summary;
  }
}

function isActive(unit: object): boolean {
  return !("active" in unit) || unit.active === true;
}

/** What describes a unit, without the place that it is to have. */
function bodyOf(parameters: ShownUnitConfig & { lun: number }): ShownUnitConfig {
  const { adapter, guest, bus, target, lun, iscsiTarget, ...body } = {
    adapter: undefined,
    guest: undefined,
    bus: undefined,
    target: undefined,
    iscsiTarget: undefined,
    ...parameters,
  };
  return body;
}
