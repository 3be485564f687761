import type { NamedUnitConfig } from "../config/schema.ts";
import type { LogicalUnit } from "../scsi/logical-unit.ts";
import type { UnitConfig } from "./logical-units.ts";

/** What a unit of the daemon is known by. */
export interface UnitNames {
  /** What its serial number is made of when it has none: its place, or its own name. */
  readonly place: string;
  /** Under which it keeps its state: unique in the daemon. */
  readonly state: string;
}

/** A unit as an adapter or target shows it: by name, or described there. */
export type ShownUnitConfig = UnitConfig & { readonly unit?: string | undefined };

/** A name that no logical unit has, or one has already. */
export class UnitNameError extends Error {
  readonly code = "VSCSI_UNIT";
}

/** Opens a unit. @throws StoreOpenError, StateDirectoryError, StoredStateError */
type UnitOpener = (config: UnitConfig, names: UnitNames) => Promise<LogicalUnit>;

/** Logical units of the daemon: the named ones, which several ports may show, and those of one place. */
export class SharedUnits {
  readonly #openUnit: UnitOpener;
  readonly #named = new Map<string, LogicalUnit>();
  readonly #all = new Set<LogicalUnit>();

  constructor(openUnit: UnitOpener) {
    this.#openUnit = openUnit;
  }

  get all(): Iterable<LogicalUnit> {
    return this.#all;
  }

  /** Opens a unit that ports may show by its name. @throws UnitNameError, StoreOpenError, StateDirectoryError */
  async openNamed({ name, ...config }: NamedUnitConfig): Promise<LogicalUnit> {
    if (this.#named.has(name)) throw new UnitNameError(`there is a logical unit named ${name} already`);
    const unit = await this.#open(config, { place: name, state: name });
    this.#named.set(name, unit);
    return unit;
  }

  /** The unit that is shown by its name, or one opened for the place that `names` tells. @throws as openNamed */
  async take(shown: ShownUnitConfig, names: UnitNames): Promise<LogicalUnit> {
    return shown.unit === undefined ? await this.#open(shown, names) : this.named(shown.unit);
  }

  /** @throws UnitNameError */
  named(name: string): LogicalUnit {
    const unit = this.#named.get(name);
    if (unit === undefined) throw new UnitNameError(`no logical unit is named ${name}`);
    return unit;
  }

  /** Named units with their names. */
  names(): ReadonlyMap<LogicalUnit, string> {
    return new Map([...this.#named].map(([name, unit]) => [unit, name]));
  }

  /** The name that a unit has, if it has one. */
  nameOf(unit: LogicalUnit): string | undefined {
    for (const [name, named] of this.#named) if (named === unit) return name;
    return undefined;
  }

  /** Flushes and closes a unit that nobody shows any more, and forgets it. @throws when writes may be lost */
  async retire(unit: LogicalUnit): Promise<void> {
    const name = this.nameOf(unit);
    this.#all.delete(unit);
    if (name !== undefined) this.#named.delete(name);
    await unit.close();
  }

  /** Flushes and closes every unit. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((unit) => unit.close()));
  }

  async #open(config: UnitConfig, names: UnitNames): Promise<LogicalUnit> {
    const unit = await this.#openUnit(config, names);
    this.#all.add(unit);
    return unit;
  }
}
