import type { AdapterConfig, LogicalUnitConfig } from "../../config/schema.ts";
import { inactiveUnit } from "../../config/schema.ts";
import type { Outcome } from "../../config/tree.ts";
import { Drive } from "../../scsi/drive.ts";
import type { LogicalUnit } from "../../scsi/logical-unit.ts";
import { lunKey } from "../../scsi/lun.ts";
import type { AdapterKey, Adapters, LiveAdapter } from "../adapters.ts";
import { outcomeOf, RefusedWrite } from "../errno.ts";
import type { LocalPartitions } from "../local-partitions.ts";
import { type ExactPlace, placeName } from "../places.ts";
import { type Edit, editAdapter, findAdapter, putShown } from "../running/edits.ts";
import type { LiveConfiguration } from "../running/live-configuration.ts";
import type { Change, RunningConfiguration } from "../running/running-configuration.ts";

/** What the tree is a view of. */
export interface TreeContext {
  readonly running: RunningConfiguration;
  readonly live: LiveConfiguration;
  readonly adapters: Adapters;
  readonly partitions: LocalPartitions;
}

/** One adapter, as its directory knows it; it may be gone meanwhile. */
export class AdapterSubject {
  readonly context: TreeContext;
  readonly key: AdapterKey;

  constructor(context: TreeContext, key: AdapterKey) {
    this.context = context;
    this.key = key;
  }

  get config(): AdapterConfig | undefined {
    return findAdapter(this.context.running.config, this.key);
  }

  get live(): LiveAdapter | undefined {
    return this.context.adapters.find(this.key);
  }

  change(edit: (adapter: AdapterConfig) => AdapterConfig, options?: Change): Promise<Outcome> {
    return outcomeOf(() => this.context.running.change(editAdapter(this.key, edit), options));
  }
}

/** One target of an adapter, at LUN 0 unless told. */
export class TargetSubject {
  readonly adapter: AdapterSubject;
  readonly bus: number;
  readonly target: number;
  readonly lun: number;

  constructor(adapter: AdapterSubject, bus: number, target: number, lun = 0) {
    this.adapter = adapter;
    this.bus = bus;
    this.target = target;
    this.lun = lun;
  }

  get place(): ExactPlace {
    return { ...this.adapter.key, key: lunKey(this) };
  }

  /** What describes it: that of an unused target where nothing does. */
  get config(): LogicalUnitConfig {
    return this.#find(this.adapter.config) ?? inactiveUnit(this);
  }

  /** What clients see there. */
  get unit(): LogicalUnit | undefined {
    return this.adapter.live?.device.logicalUnits.get(lunKey(this));
  }

  /** The same where it has a medium of ours; undefined where commands are passed through. */
  get drive(): Drive | undefined {
    const { unit } = this;
    return unit instanceof Drive ? unit : undefined;
  }

  /** Why what should be there could not be opened. */
  get failure(): Error | undefined {
    return this.adapter.context.live.failed.get(placeName(this.place))?.error;
  }

  /** Changes the description of an inactive unit. @returns EPERM while it is active, and what `edit` throws */
  describe(edit: (unit: LogicalUnitConfig) => LogicalUnitConfig): Promise<Outcome> {
    return this.change((unit) => {
      if (this.unit !== undefined) throw new RefusedWrite("EPERM", "can't be changed while the target is active");
      // One that could not be opened is as good as inactive, and is so from now on.
      return edit({ ...unit, active: false });
    });
  }

  /** Changes the description, whatever the state. */
  change(edit: (unit: LogicalUnitConfig) => LogicalUnitConfig, options?: Change): Promise<Outcome> {
    const place = this.place;
    const whole: Edit = (config) => {
      const adapter = findAdapter(config, this.adapter.key);
      const before = this.#find(adapter) ?? inactiveUnit(this);
      const after = edit(before);
      return after === before ? config : putShown(place, after)(config);
    };
    return outcomeOf(() => this.adapter.context.running.change(whole, options));
  }

  #find(adapter: AdapterConfig | undefined): LogicalUnitConfig | undefined {
    const { bus, target, lun } = this;
    return adapter?.logicalUnits.find((unit) => unit.bus === bus && unit.target === target && unit.lun === lun);
  }
}
