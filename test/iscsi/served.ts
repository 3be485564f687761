import { MemoryStore } from "../../src/backends/memory.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Log } from "../../src/core/log.ts";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import type { ChapCredentials } from "../../src/ports/iscsi/chap.ts";
import { IscsiService } from "../../src/ports/iscsi/iscsi-service.ts";
import { DEFAULT_LIMITS, type IscsiLimits } from "../../src/ports/iscsi/limits.ts";
import { IscsiTarget } from "../../src/ports/iscsi/target.ts";
import type { BlockStore } from "../../src/scsi/block-store.ts";
import { FLAT_ADDRESSING } from "../../src/scsi/lun-addressing.ts";
import { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import { makeDisk } from "../support/disk.ts";
import { HandStore } from "../support/hand-store.ts";

export const TARGET = "iqn.2026-11.net.example:disks";

interface Line {
  message: string;
  reason: string;
}

/** Keeps what was logged as a warning or worse, and everything as text. */
export class KeptLog implements Log {
  readonly warnings: Line[] = [];
  readonly lines: string[] = [];
  debug(fields: object, message: string): void {
    this.#keep(fields, message);
  }
  info(fields: object, message: string): void {
    this.#keep(fields, message);
  }
  warn(fields: object, message: string): void {
    this.warnings.push({ message, reason: "reason" in fields ? String(fields.reason) : "" });
    this.#keep(fields, message);
  }
  error(fields: object, message: string): void {
    this.warn(fields, message);
  }
  get reasons(): string[] {
    return this.warnings.map(({ reason }) => reason);
  }
  #keep(fields: object, message: string): void {
    this.lines.push(`${message} ${JSON.stringify(fields)}`);
  }
}

export interface ServedOptions {
  limits?: Partial<IscsiLimits>;
  initiators?: string[];
  chap?: ChapCredentials;
  portals?: number;
}

/** A portal in this process: LUN 0 is memory of 1 MiB, LUN 1 a store that the test completes by hand. */
export class Served {
  readonly memory: SharedMemory;
  readonly log = new KeptLog();
  readonly hand = new HandStore();
  readonly store: BlockStore;
  readonly service: IscsiService;

  private constructor(options: ServedOptions) {
    this.memory = testMemory;
    const { memory, log } = this;
    const device = new ScsiTargetDevice(log, FLAT_ADDRESSING);
    this.store = new MemoryStore(memory, 1 << 20);
    device.addLogicalUnit(0, makeDisk(this.store));
    device.addLogicalUnit(1, makeDisk(this.hand));
    const portals = Array.from({ length: options.portals ?? 1 }, (_, index) => ({
      tag: index + 1,
      address: "127.0.0.1",
      port: 0,
    }));
    const target = new IscsiTarget({
      name: TARGET,
      device,
      initiators: options.initiators,
      chap: options.chap,
      portalGroups: new Map(portals.map(({ tag }) => [tag, tag])),
    });
    const limits = { ...DEFAULT_LIMITS, logoutTimeout: 50, ...options.limits };
    this.service = new IscsiService({ memory, clock: systemClock, log, limits, targets: [target], portals });
  }

  static async start(options: ServedOptions = {}): Promise<Served> {
    const served = new Served(options);
    await served.service.listen();
    return served;
  }

  get port(): number {
    return this.portAt(0);
  }

  portAt(index: number): number {
    return this.service.portals[index]?.port ?? 0;
  }
}

/** One for all tests of a file: each reserves 4 GiB of addresses. */
const testMemory = new SharedMemory();
