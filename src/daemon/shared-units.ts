import type { NamedUnitConfig } from "../config/schema.ts";
import type { LogicalUnit } from "../scsi/logical-unit.ts";

/** A unit as an adapter or target shows it: by name, or opened for that place alone. */
interface Shown<Unit> {
  readonly unit?: string | undefined;
  readonly backend?: Unit | undefined;
}

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

  /** The unit that `shown` names, or one that `open` makes of its own backend. @throws StoreOpenError */
  take<Backend>(shown: Shown<Backend>, open: (backend: Backend) => LogicalUnit): LogicalUnit {
    const named = shown.unit === undefined ? undefined : this.#named.get(shown.unit);
    if (named !== undefined) return named;
    // The schema sees to it that a place without a name that is known has a backend.
    if (shown.backend === undefined) throw new Error(`no logical unit is named ${shown.unit}`);
    const unit = open(shown.backend);
    this.#all.add(unit);
    return unit;
  }

  /** Flushes and closes every unit. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((unit) => unit.close()));
  }
}
