import { OS_TYPE_AIX } from "../../src/abi/mad.ts";
import { TCE_PAGE_SIZE } from "../../src/abi/papr.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { CrqLink } from "../../src/core/crq-link.ts";
import type { Log } from "../../src/core/log.ts";
import { PartitionLink } from "../../src/papr/crq-link.ts";
import type { TargetDevice } from "../../src/scsi/task.ts";
import type { ServerAdapterOptions } from "../../src/target/options.ts";
import { ServerAdapter } from "../../src/target/server-adapter.ts";
import { CLIENT, createPair, map, type Pair, type PairOptions } from "../papr/pair.ts";

/** Client memory that is mapped one to one: IOBA = logical address. The queue is the first page. */
const MAPPED = 0x100000;
const QUEUE_BYTES = 0x1000;
const ENTRY = 16;
const SLOTS = 128;
export const LOGIN_ADDRESS = 0xe0000;

/** A clock that the test turns. */
export class HandClock implements Clock {
  #now = 0;
  #timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#now + milliseconds, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { callback } of due) callback();
  }
}

export interface RawClientOptions extends Partial<ServerAdapterOptions> {
  makeDevice(pair: Pair): TargetDevice;
  /** What the hypervisor has, when it is not the usual. */
  hypervisor?: PairOptions;
  /** Puts something between the server adapter and its link. */
  wrap?(link: PartitionLink): CrqLink;
}

/** A client of bare bytes, with a server adapter on the other side; nothing runs until `run`. */
export class RawClient {
  readonly pair: Pair;
  readonly server: ServerAdapter;
  readonly clock = new HandClock();
  /** Violations and losses in the order they were logged. */
  readonly events: string[] = [];
  #scheduled: (() => void)[] = [];
  #cursor = 0;
  readonly #entry: number;

  constructor({ makeDevice, hypervisor: given, wrap, ...options }: RawClientOptions) {
    this.pair = createPair({ ...given, schedule: (task) => this.#scheduled.push(task) });
    const { hypervisor, serverAdapter, clientAdapter, memory } = this.pair;
    this.#entry = memory.allocate(ENTRY);
    for (let at = 0; at < MAPPED; at += TCE_PAGE_SIZE) map(this.pair, clientAdapter, at, at);
    const link = new PartitionLink({ hypervisor, adapter: serverAdapter, ringEntries: 256, slots: SLOTS });
    this.server = new ServerAdapter({
      link: wrap ? wrap(link) : link,
      device: makeDevice(this.pair),
      clock: this.clock,
      log: this.#log(),
      relativeTargetPort: 1,
      requestLimit: 100,
      adapterName: "30000002",
      identity: { partitionName: "vtarget", partitionNumber: 1, osType: OS_TYPE_AIX, maxTransfer: 0x40000 },
      ...options,
    });
  }

  /** Runs every interrupt that is due. */
  run(): void {
    for (let task = this.#scheduled.shift(); task; task = this.#scheduled.shift()) task();
  }

  /** H_REG_CRQ with an empty queue. */
  register(): number {
    this.memory.fill(0, this.#at(0), this.#at(QUEUE_BYTES));
    this.#cursor = 0;
    return this.pair.hypervisor.crq.register(this.pair.client, CLIENT, 0, QUEUE_BYTES);
  }

  free(): number {
    return this.pair.hypervisor.crq.free(this.pair.client, CLIENT);
  }

  /** H_SEND_CRQ of each entry in hexadecimal; the server has dealt with them all when this returns. */
  send(...entries: string[]): number {
    let code = 0;
    for (const entry of entries) {
      this.memory.set(bytes(entry.padEnd(ENTRY * 2, "0")), this.#entry);
      code = this.pair.hypervisor.crq.sendEntry(this.pair.client, CLIENT, this.#entry);
    }
    this.run();
    return code;
  }

  /** Takes what stands in the client's queue, in hexadecimal. */
  receive(): string[] {
    const entries: string[] = [];
    for (;;) {
      const at = this.#at(this.#cursor * ENTRY);
      if (this.memory[at] === 0) return entries;
      entries.push(hex(this.memory.slice(at, at + ENTRY)));
      this.memory[at] = 0;
      this.#cursor = (this.#cursor + 1) % (QUEUE_BYTES / ENTRY);
    }
  }

  write(ioba: number, data: Uint8Array | string): void {
    this.memory.set(typeof data === "string" ? bytes(data) : data, this.#at(ioba));
  }

  read(ioba: number, length: number): string {
    return hex(this.memory.slice(this.#at(ioba), this.#at(ioba) + length));
  }

  /** Server up, queue registered, INIT answered. */
  connect(): void {
    this.server.start();
    this.register();
    this.send("c001");
    this.receive();
  }

  /** As {@link connect}, then LOGIN_REQ. */
  login(): void {
    this.connect();
    this.write(LOGIN_ADDRESS, loginRequest());
    this.send(srpEntry(LOGIN_ADDRESS));
    this.receive();
  }

  get memory(): Uint8Array {
    return this.pair.memory.u8;
  }

  #at(ioba: number): number {
    return this.pair.client.memoryAddress + ioba;
  }

  #log(): Log {
    const note = (fields: object) => {
      if ("violation" in fields) this.events.push(`violation ${fields.violation}`);
      if ("loss" in fields) this.events.push(`loss ${fields.loss}`);
    };
    return { debug() {}, info: note, warn: note, error: note };
  }
}

export function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
}

export function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}

function number(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** An entry that tells of an SRP IU of `length` bytes. */
export function srpEntry(ioba: number, length = 0x100): string {
  return `80010000003c${number(length, 4)}${number(ioba, 16)}`;
}

export function madEntry(ioba: number, length = 0x100): string {
  return `80020000001e${number(length, 4)}${number(ioba, 16)}`;
}

export interface LoginFields {
  iuLength?: number;
  formats?: number;
  flags?: number;
  initiator?: string;
  target?: string;
}

/** LOGIN_REQ with tag 0a. */
export function loginRequest(fields: LoginFields = {}): string {
  const { iuLength = 256, formats = 6, flags = 0, initiator = "", target = "" } = fields;
  const head = `${"00".repeat(8)}000000000000000a${number(iuLength, 8)}00000000${number(formats, 4)}${number(flags, 2)}`;
  return `${head}${"00".repeat(5)}${initiator.padEnd(32, "0")}${target.padEnd(32, "0")}`;
}

export interface CommandFields {
  tag: number;
  /** First byte of the LUN: 81 is target 1. */
  lun?: string;
  attribute?: number;
  additional?: number;
  cdb?: string;
  /** IOBA and length of a direct descriptor. */
  dataIn?: readonly [ioba: number, length: number];
  dataOut?: readonly [ioba: number, length: number];
}

/** CMD with at most one direct descriptor a direction. */
export function command(fields: CommandFields): string {
  const { tag, lun = "81", attribute = 0, additional = 0, cdb = "00", dataIn, dataOut } = fields;
  const formats = (dataOut ? "1" : "0") + (dataIn ? "1" : "0");
  const descriptors = [dataOut, dataIn].map((data) =>
    data ? `${number(data[0], 16)}00000000${number(data[1], 8)}` : "",
  );
  const middle = `${lun.padEnd(16, "0")}00${number(attribute, 2)}00${number(additional, 2)}`;
  return `0200000000${formats}0000${number(tag, 16)}00000000${middle}${cdb.padEnd(32, "0")}${descriptors.join("")}`;
}

/** TSK_MGMT. */
export function manage(tag: number, task: number, taskTag = 0, lun = "81"): string {
  const head = `0100000000000000${number(tag, 16)}00000000${lun.padEnd(16, "0")}`;
  return `${head}0000${number(task, 2)}00${number(taskTag, 16)}${"00".repeat(8)}`;
}
