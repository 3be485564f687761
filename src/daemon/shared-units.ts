import type { NamedUnitConfig } from "../config/schema.ts";
import type { LogicalUnit } from "../scsi/logical-unit.ts";

/** Logical units of the daemon: the named ones, which several ports may show, and those of one place. */
export class SharedUnits {
  readonly #named = new Map<string, LogicalUnit>();
  readonly #all = new Set<LogicalUnit>();

  /** Opens every named unit with `open`. @throws StoreOpenError */
  openNamed(configs: readonly NamedUnitConfig[], open: (config: NamedUnitConfig) => LogicalUnit): void {
    for (const config of configs) {
      const unit = open(config);
      this.#all.add(unit);
      this.#named.set(config.name, unit);
    }
  }

  /** The unit of a name, or one that `open` makes for a place that has none. @throws StoreOpenError */
  take(name: string | undefined, open: () => LogicalUnit): LogicalUnit {
    if (name !== undefined) return this.#withName(name);
    const unit = open();
    this.#all.add(unit);
    return unit;
  }

  /** The schema lets no place name a unit that is not there. */
  #withName(name: string): LogicalUnit {
    const unit = this.#named.get(name);
    if (unit === undefined) throw new Error(`no logical unit is named ${name}`);
    return unit;
  }

  /** Flushes and closes every unit. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((unit) => unit.close()));
  }
}
