import type { SharedMemory } from "../../src/core/shared-memory.ts";
import type { Nexus, TargetDevice } from "../../src/scsi/task.ts";
import { type FakeTask, FIRST_LUN, type RunOptions, run } from "./scsi-task.ts";

/** Service actions of PERSISTENT RESERVE OUT. */
export const OUT = {
  register: 0,
  reserve: 1,
  release: 2,
  clear: 3,
  preempt: 4,
  preemptAndAbort: 5,
  registerAndIgnore: 6,
  move: 7,
} as const;
export const KEYS = 0;
export const RESERVATION = 1;
export const CAPABILITIES = 2;
export const FULL_STATUS = 3;

export interface ReserveOutFields {
  key?: bigint;
  newKey?: bigint;
  type?: number;
  scope?: number;
  /** Byte 20: SPEC_I_PT 8, ALL_TG_PT 4, APTPL 1. */
  flags?: number;
  /** Behind byte 23. */
  more?: readonly number[];
  length?: number;
}

/** The basic parameter list. */
export function basicList({ key = 0n, newKey = 0n, flags = 0, more = [] }: ReserveOutFields): Uint8Array {
  const list = new Uint8Array(24 + more.length);
  const view = new DataView(list.buffer);
  view.setBigUint64(0, key);
  view.setBigUint64(8, newKey);
  list[20] = flags;
  list.set(more, 24);
  return list;
}

/** The list of REGISTER AND MOVE. */
export function moveList(
  fields: ReserveOutFields,
  to: { port: number; transportId: Uint8Array; unregister?: boolean; aptpl?: boolean },
): Uint8Array {
  const list = basicList({ ...fields, more: [...to.transportId] });
  const view = new DataView(list.buffer);
  list[17] = (to.unregister ? 2 : 0) | (to.aptpl ? 1 : 0);
  view.setUint16(18, to.port);
  view.setUint32(20, to.transportId.length);
  return list;
}

/** 32-bit length and TransportIDs, as SPEC_I_PT brings them. */
export function transportIds(...ids: Uint8Array[]): number[] {
  const bytes = ids.flatMap((id) => [...id]);
  return [0, 0, bytes.length >> 8, bytes.length & 0xff, ...bytes];
}

export function reserveOutCdb(
  serviceAction: number,
  { type = 0, scope = 0 }: ReserveOutFields,
  length: number,
): number[] {
  return [0x5f, serviceAction, (scope << 4) | type, 0, 0, 0, 0, length >> 8, length & 0xff, 0];
}

/** The commands of reservations, as nexuses send them to one disk of a device: the first, unless told otherwise. */
export class Reserver {
  readonly #device: TargetDevice;
  readonly #memory: SharedMemory;
  readonly #lun: readonly number[];

  constructor(device: TargetDevice, memory: SharedMemory, lun: readonly number[] = FIRST_LUN) {
    this.#device = device;
    this.#memory = memory;
    this.#lun = lun;
  }

  send(nexus: Nexus, cdb: readonly number[], options: RunOptions = {}): FakeTask {
    return run(this.#device, this.#memory, cdb, { lun: this.#lun, ...options, nexus });
  }

  /** Ends "ok", "conflict", or with sense data "05/26/00"; "" while it has not ended. */
  outcome(nexus: Nexus, cdb: readonly number[], options: RunOptions = {}): string {
    return outcomeOf(this.send(nexus, cdb, options));
  }

  out(nexus: Nexus, action: keyof typeof OUT, fields: ReserveOutFields = {}, list = basicList(fields)): string {
    return outcomeOf(this.outTask(nexus, action, fields, list));
  }

  outTask(nexus: Nexus, action: keyof typeof OUT, fields: ReserveOutFields = {}, list = basicList(fields)): FakeTask {
    return this.send(nexus, reserveOutCdb(OUT[action], fields, fields.length ?? list.length), { dataOut: list });
  }

  in(nexus: Nexus, serviceAction: number, allocation = 0xffff): DataView {
    const { dataIn } = this.send(nexus, [0x5e, serviceAction, 0, 0, 0, 0, 0, allocation >> 8, allocation & 0xff, 0]);
    return new DataView(dataIn.buffer, dataIn.byteOffset, dataIn.byteLength);
  }

  /** PRGENERATION, and the keys in order. */
  keys(nexus: Nexus): { generation: number; keys: bigint[] } {
    const data = this.in(nexus, KEYS);
    const keys = Array.from({ length: data.getUint32(4) / 8 }, (_, index) => data.getBigUint64(8 + index * 8));
    return { generation: data.getUint32(0), keys };
  }

  /** "type 5 by 1"; "none". */
  reservation(nexus: Nexus): string {
    const data = this.in(nexus, RESERVATION);
    return data.getUint32(4) === 0 ? "none" : `type ${data.getUint8(21)} by ${data.getBigUint64(8)}`;
  }

  /** Unit attentions that wait for a nexus, oldest first: this takes them. */
  attentions(nexus: Nexus): string[] {
    const found: string[] = [];
    for (;;) {
      const { dataIn } = this.send(nexus, [0x03, 0, 0, 0, 18, 0]);
      if (dataIn[2] !== 6) return found;
      found.push([dataIn[12], dataIn[13]].map((byte) => (byte ?? 0).toString(16).padStart(2, "0")).join("/"));
    }
  }
}

function outcomeOf({ ends, status, senseText }: FakeTask): string {
  if (ends === 0) return "";
  return { 0: "ok", 8: "busy", 24: "conflict", 48: "aca active" }[status] ?? senseText;
}
