import type { Config } from "../../config/schema.ts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { openBackend } from "../../filters/open-backend.ts";
import { type Drive, driveOf } from "../../scsi/drive.ts";
import type { LogicalUnit } from "../../scsi/logical-unit.ts";
import type { Adapters } from "../adapters.ts";
import type { Guests } from "../guests.ts";
import { blockSizeOf, storeBackendOf, type UnitConfig } from "../logical-units.ts";
import { type ExactPlace, type Place, PlaceError, type Places, placeName } from "../places.ts";
import type { SharedUnits } from "../shared-units.ts";
import type { Action } from "./actions.ts";
import { isOtherSize } from "./plan.ts";

/** How changes are made. */
export interface ChangeOptions {
  /** Milliseconds that the tasks of a unit that leaves may take to end before they are aborted. */
  readonly grace?: number;
  /** Media are changed against initiators' prevention. */
  readonly force?: boolean;
  /** A unit that can't be opened is noted, and tried again, instead of refusing the whole. */
  readonly lenient?: boolean;
}

interface LiveOptions {
  readonly adapters: Adapters;
  readonly guests: Guests;
  readonly places: Places;
  readonly units: SharedUnits;
  readonly memory: SharedMemory;
  readonly clock: Clock;
  readonly log: Log;
}

/** A unit of the configuration that could not be opened. */
interface FailedUnit {
  readonly what: string;
  readonly action: Extract<Action, { do: "show" | "hide" | "add-unit" | "remove-unit" }>;
  readonly error: Error;
}

const GRACE = 5_000;

/** What runs: makes the actions of a plan on adapters, units and guests. */
export class LiveConfiguration {
  readonly #options: LiveOptions;
  readonly #failed = new Map<string, FailedUnit>();
  #trouble: unknown;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  /** Units of the configuration that could not be opened, by name or place. */
  get failed(): ReadonlyMap<string, FailedUnit> {
    return this.#failed;
  }

  /** @throws what opening, closing or changing throws; nothing has changed then */
  async run(action: Action, options: ChangeOptions): Promise<void> {
    const { guests } = this.#options;
    switch (action.do) {
      case "add-guest":
        return guests.add(action.guest);
      case "remove-guest":
        return guests.remove(action.guest.name);
      case "start-guest":
        return guests.listen(action.guest.name);
      case "change-guest":
        return guests.change(action.to);
      case "add-unit":
      case "show":
        return this.#open(action, options);
      case "remove-unit":
        if (this.#failed.delete(`unit ${action.unit.name}`)) return;
        return this.#retire(this.#options.units.named(action.unit.name));
      case "hide":
        return this.#hide(action.place, options);
      case "change-unit":
        return this.#changeNamed(action, options);
      case "change-shown":
        return this.#changeShown(action, options);
      case "add-adapter":
        return this.#addAdapter(action);
      case "remove-adapter":
        return this.#removeAdapter(action);
      case "start-adapter":
        return this.#startAdapter(action);
      case "stop-adapter":
      case "stop-guest":
        // Who is connected is told when it is removed; until then nothing is lost.
        return;
      case "change-adapter":
        return this.#changeAdapter(action);
      case "log":
        return this.setLog(action.to);
    }
  }

  /** Tells what went wrong with a unit that is gone all the same: writes may be lost. @throws what its close threw */
  throwTrouble(): void {
    const trouble = this.#trouble;
    this.#trouble = undefined;
    if (trouble !== undefined) throw trouble;
  }

  /** Opens what could not be opened before, units before the places that show them. @returns how many came */
  async retry(): Promise<number> {
    const waiting = [...this.#failed.entries()].sort(([, one], [, other]) => order(one) - order(other));
    for (const [key, { action }] of waiting) {
      this.#failed.delete(key);
      await this.#open(action, { lenient: true });
      if (!this.#failed.has(key)) this.#options.log.info({ unit: key }, "logical unit: opened at last");
    }
    return waiting.length - this.#failed.size;
  }

  /** Opens what could not be opened at a place. @throws StoreOpenError; it stays noted then */
  async retryAt(place: ExactPlace): Promise<void> {
    const failed = this.#failed.get(placeName(place));
    if (failed === undefined) return;
    await this.#open(failed.action, {});
    this.#failed.delete(placeName(place));
  }

  async #open(action: FailedUnit["action"], { lenient = false }: ChangeOptions): Promise<void> {
    const what = "unit" in action ? `unit ${action.unit.name}` : placeName(action.place);
    try {
      if ("unit" in action) await this.#options.units.openNamed(action.unit);
      else await this.#show(action.place, action.shown);
    } catch (error) {
      if (!lenient || !(error instanceof Error && "code" in error)) throw error;
      if (!this.#failed.has(what))
        this.#options.log.warn({ unit: what, error: error.message }, "logical unit: can't be opened; trying again");
      this.#failed.set(what, { what, action, error });
    }
  }

  async #show(at: ExactPlace, shown: Extract<Action, { do: "show" | "hide" }>["shown"]): Promise<void> {
    const { places, units, log } = this.#options;
    const { device, key, name, names } = places.at(at);
    if (device.logicalUnits.has(key)) throw new PlaceError(`there is a logical unit at ${name} already`);
    const unit = await units.take(shown, names);
    device.addLogicalUnit(key, unit);
    log.debug({ unit: unit.description, size: unit.size, place: name }, "logical unit");
  }

  /** Takes a unit away; it is closed when it has no name by which others may show it. */
  async #hide(at: ExactPlace, { grace = GRACE }: ChangeOptions): Promise<void> {
    if (this.#failed.delete(placeName(at))) return;
    const { places, units } = this.#options;
    const place = places.at(at);
    const unit = this.#unitIn(place);
    await this.#takeAway(place, grace);
    if (units.nameOf(unit) === undefined) await this.#retire(unit);
  }

  async #retire(unit: LogicalUnit): Promise<void> {
    try {
      await this.#options.units.retire(unit);
    } catch (error) {
      this.#options.log.error({ err: error, unit: unit.description }, "logical unit: closed with writes lost");
      this.#trouble = error;
    }
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

  async #changeNamed({ from, to }: Extract<Action, { do: "change-unit" }>, options: ChangeOptions): Promise<void> {
    if (this.#failed.delete(`unit ${from.name}`)) return this.#open({ do: "add-unit", unit: to }, { lenient: true });
    await this.#change(driveOf(this.#options.units.named(from.name)), from, to, options);
  }

  async #changeShown(action: Extract<Action, { do: "change-shown" }>, options: ChangeOptions): Promise<void> {
    const { place, from, to } = action;
    if (this.#failed.delete(placeName(place))) return this.#open({ do: "show", place, shown: to }, { lenient: true });
    if (to.unit !== undefined) return;
    await this.#change(driveOf(this.#unitIn(this.#options.places.at(place))), from, to, options);
  }

  /** What {@link plan} makes in place: another medium, another size of memory, write protection. */
  async #change(unit: Drive, from: UnitConfig, to: UnitConfig, { force = false }: ChangeOptions): Promise<void> {
    const { memory, log } = this.#options;
    const { readOnly } = to;
    const backend = storeBackendOf(to);
    const replaced = JSON.stringify(from.backend) !== JSON.stringify(backend);
    if (!replaced) return unit.protectMedium(readOnly || to.type === "optical");
    if (backend === undefined) return unit.ejectMedium(force);
    if (backend.type === "memory" && isOtherSize(from.backend, backend)) {
      unit.resizeMedium(backend.size);
      return unit.protectMedium(readOnly);
    }
    const store = await openBackend(backend, {
      memory,
      readOnly: readOnly || to.type === "optical",
      log,
      blockSize: blockSizeOf(to),
    });
    try {
      await unit.loadMedium(unit.mediumOf(store, readOnly), force);
    } catch (error) {
      if (unit.medium.store !== store) await store.close();
      throw error;
    }
  }

  #addAdapter({ adapter: config }: Extract<Action, { do: "add-adapter" | "remove-adapter" }>): void {
    const { adapters, places, log } = this.#options;
    const live = adapters.add(config);
    places.addAdapter(config.guest, config.unitAddress, live.device);
    log.info({ adapter: config.unitAddress.toString(16), guest: config.guest }, "adapter added");
  }

  #startAdapter({ adapter }: Extract<Action, { do: "start-adapter" | "stop-adapter" }>): void {
    const live = this.#options.adapters.find(adapter);
    if (live !== undefined) this.#options.adapters.start(live);
  }

  async #removeAdapter({ adapter: config }: Extract<Action, { do: "add-adapter" | "remove-adapter" }>): Promise<void> {
    const { adapters, places, log } = this.#options;
    const live = adapters.find(config);
    if (live === undefined) return;
    await adapters.remove(live);
    places.removeAdapter(config.guest, config.unitAddress);
    log.info({ adapter: config.unitAddress.toString(16), guest: config.guest }, "adapter removed");
  }

  #changeAdapter({ to }: Extract<Action, { do: "change-adapter" }>): void {
    const live = this.#options.adapters.find(to);
    if (live !== undefined) live.identity.maxTransfer = to.maxTransfer;
  }

  /** Takes over how much is logged. */
  setLog({ level, debug }: Config["log"]): void {
    const { log } = this.#options;
    if ("level" in log) log.level = debug === 0 ? level : "debug";
  }

  #unitIn({ device, key, name }: Place): LogicalUnit {
    const unit = device.logicalUnits.get(key);
    if (unit === undefined) throw new PlaceError(`there is no logical unit at ${name}`);
    return unit;
  }
}

function order({ action }: FailedUnit): number {
  return "unit" in action ? 0 : 1;
}
