import type { SharedMemory } from "../../src/core/shared-memory.ts";
import {
  type DeviceOutcome,
  type DeviceRequest,
  DIRECTION_FROM_DEVICE,
  DIRECTION_NONE,
  DIRECTION_TO_DEVICE,
  type ScsiDevice,
} from "../../src/scsi/passthrough/scsi-device.ts";

/** How a command has ended. */
export interface DeviceAnswer {
  readonly outcome: DeviceOutcome;
  readonly status: number;
  /** "06/29/00", or "" without sense data. */
  readonly sense: string;
  readonly residual: number;
  readonly data: Buffer;
  readonly reason: string | undefined;
}

export interface CallOptions {
  readonly read?: number;
  readonly write?: Uint8Array;
  readonly timeout?: number;
  readonly attribute?: number;
}

/** A command under way. */
export interface Call extends Promise<DeviceAnswer> {
  readonly request: DeviceRequest;
}

const CDB_ROOM = 264;

/** Commands to a device as promises of their answers, with data in arrays. */
export class DeviceCalls {
  readonly #memory: SharedMemory;
  readonly #device: ScsiDevice;

  constructor(memory: SharedMemory, device: ScsiDevice) {
    this.#memory = memory;
    this.#device = device;
  }

  ask(cdb: readonly number[] | Uint8Array, options: CallOptions = {}): Call {
    const { read = 0, write, timeout = 20_000, attribute = 0 } = options;
    const memory = this.#memory;
    const length = write?.length ?? read;
    const region = memory.allocate(CDB_ROOM + length);
    memory.u8.set(cdb, region);
    memory.u8.fill(0xee, region + CDB_ROOM, region + CDB_ROOM + length);
    if (write !== undefined) memory.u8.set(write, region + CDB_ROOM);
    let done: () => void = () => {};
    let isDone = false;
    const request = {
      cdbOffset: region,
      cdbLength: cdb.length,
      direction: write !== undefined ? DIRECTION_TO_DEVICE : read > 0 ? DIRECTION_FROM_DEVICE : DIRECTION_NONE,
      dataOffset: region + CDB_ROOM,
      dataLength: length,
      timeout,
      attribute,
      outcome: "answered" as DeviceOutcome,
      status: 0,
      sense: new Uint8Array(252),
      senseLength: 0,
      residual: 0,
      reason: undefined,
      deviceDone() {
        if (isDone) throw new Error("a command was told twice that it is done");
        isDone = true;
        done();
      },
    };
    const promise = new Promise<DeviceAnswer>((resolve) => {
      done = () => {
        const from = region + CDB_ROOM;
        const data = Buffer.from(memory.u8.slice(from, from + read - request.residual));
        const { outcome, status, residual, reason } = request;
        memory.free(region, CDB_ROOM + length);
        resolve({ outcome, status, residual, reason, data, sense: status === 2 ? senseCodes(request) : "" });
      };
    });
    this.#device.execute(request);
    if (isDone) throw new Error("a command ended before execute returned");
    return Object.assign(promise, { request });
  }

  readBlocks(lba: number, blocks: number, options: CallOptions = {}): Call {
    return this.ask(block10(0x28, lba, blocks), { ...options, read: blocks * 512 });
  }

  writeBlocks(lba: number, data: Uint8Array, options: CallOptions = {}): Call {
    return this.ask(block10(0x2a, lba, data.length / 512), { ...options, write: data });
  }

  /** Takes what unit attentions there are. */
  async settle(): Promise<void> {
    while ((await this.ask([0, 0, 0, 0, 0, 0])).sense.startsWith("06/"));
  }
}

/** A CDB of ten bytes with LBA and number of blocks. */
export function block10(opcode: number, lba: number, blocks: number): Uint8Array {
  const cdb = Buffer.alloc(10);
  cdb[0] = opcode;
  cdb.writeUInt32BE(lba, 2);
  cdb.writeUInt16BE(blocks, 7);
  return cdb;
}

function senseCodes({ sense, senseLength }: DeviceRequest): string {
  if (senseLength === 0) return "";
  const fixed = ((sense[0] ?? 0) & 0x7f) < 0x72;
  const codes = fixed ? [(sense[2] ?? 0) & 0xf, sense[12], sense[13]] : [(sense[1] ?? 0) & 0xf, sense[2], sense[3]];
  return codes.map((code) => (code ?? 0).toString(16).padStart(2, "0")).join("/");
}
