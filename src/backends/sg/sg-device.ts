import { getSystemErrorName } from "node:util";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { SgChannel } from "../../host/sg-channel.ts";
import { SgNodeError } from "../../host/sg-node.ts";
import { DeviceError } from "../../scsi/passthrough/device-error.ts";
import {
  type DeviceOutcome,
  type DeviceRequest,
  DIRECTION_FROM_DEVICE,
  DIRECTION_TO_DEVICE,
  type ScsiDevice,
} from "../../scsi/passthrough/scsi-device.ts";
import { fail, fillSlot, takeResult } from "./slots.ts";

/** Bytes that a lane transfers at once: it has them in a buffer of its own. */
const LANE_TRANSFER_MAXIMUM = 0x10_0000;
/** Milliseconds that an aborted command has for ending by itself. There is no aborting one command from here: it takes a reset. */
const ABORT_PATIENCE = 10_000;
/** Milliseconds beyond a command's own time in which the kernel ends it: it aborts it, and resets as much as it must. */
const KERNEL_PATIENCE = 60_000;
const GUARD_INTERVAL = 1_000;

export interface SgOptions {
  readonly memory: SharedMemory;
  readonly log: Log;
  readonly path: string;
  /** Commands with the device at a time; by itself 16 on /dev/sg*, which holds no more, and 4 elsewhere. */
  readonly queueDepth: number | undefined;
  readonly clock?: Clock;
}

/** One slot's command. */
interface UnderWay {
  readonly request: DeviceRequest;
  /** When the kernel must have ended it. */
  readonly deadline: number;
  /** When an abort that did not help becomes a reset. */
  abortBy: number;
}

/**
 * A SCSI device of this machine, by SG_IO. On /dev/sg* one thread hands commands over and fetches them; the data go
 * straight from and to linear memory, which the kernel touches within our calls alone. Elsewhere each command is a call that
 * waits, on a thread of its own and with a buffer of its own, since the kernel may touch that as long as it lasts.
 */
export class SgDevice implements ScsiDevice {
  readonly kind = "sg";
  readonly description: string;
  readonly queueDepth: number;
  readonly transferMaximum: number;
  readonly #options: SgOptions;
  readonly #memory: SharedMemory;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #slots: (UnderWay | undefined)[];
  /** The buffer of each lane. */
  readonly #buffers: readonly number[];
  #channel: SgChannel;
  /** The channel is closed, and perhaps opened anew. */
  #away = false;
  #closed = false;
  #cancelGuard = () => {};
  #resetting: (() => void)[] | undefined;

  private constructor(options: SgOptions, memory: SharedMemory, channel: SgChannel) {
    const { path, log, clock = systemClock } = options;
    this.#options = options;
    this.#channel = channel;
    this.#memory = memory;
    this.#log = log;
    this.#clock = clock;
    this.description = path;
    this.queueDepth = channel.depth;
    const { transferMaximum, interface: way } = channel.node;
    const lanes = way === "queue" ? 0 : this.queueDepth;
    this.transferMaximum = lanes > 0 ? Math.min(transferMaximum, LANE_TRANSFER_MAXIMUM) : transferMaximum;
    this.#buffers = Array.from({ length: lanes }, () => memory.allocate(this.transferMaximum));
    this.#slots = Array.from({ length: this.queueDepth }, () => undefined);
    channel.onEnd = (slot) => this.#ended(slot);
    this.#guard();
  }

  /** @throws DeviceError */
  static async open(options: SgOptions): Promise<SgDevice> {
    return new SgDevice(options, options.memory, await openChannel(options));
  }

  execute(request: DeviceRequest): void {
    const index = this.#slots.indexOf(undefined);
    const broken = this.#away ? "the device is being opened anew" : this.#channel.broken;
    if (index < 0 || broken !== undefined) {
      fail(request, index < 0 ? "busy" : "lost", broken);
      return queueMicrotask(() => request.deviceDone());
    }
    const deadline = this.#clock.now() + request.timeout + KERNEL_PATIENCE;
    this.#slots[index] = { request, deadline, abortBy: Number.POSITIVE_INFINITY };
    const { dataOffset, dataLength, direction } = request;
    const buffer = this.#buffers[index];
    if (buffer !== undefined && direction === DIRECTION_TO_DEVICE)
      this.#memory.u8.copyWithin(buffer, dataOffset, dataOffset + dataLength);
    fillSlot(this.#memory, this.#channel.slot(index), request, buffer ?? dataOffset);
    this.#channel.send(index);
  }

  abort(request: DeviceRequest): void {
    const found = this.#slots.find((entry) => entry?.request === request);
    if (found !== undefined) found.abortBy = Math.min(found.abortBy, this.#clock.now() + ABORT_PATIENCE);
  }

  reset(then: () => void): void {
    if (this.#resetting !== undefined) {
      this.#resetting.push(then);
      return;
    }
    this.#resetting = [then];
    void this.#resetNow().then((waiting) => {
      for (const callback of waiting) callback();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelGuard();
    const gone = await this.#abandon("aborted", "the device was closed");
    if (gone) for (const buffer of this.#buffers) this.#memory.free(buffer, this.transferMaximum);
  }

  /** The result of a slot's command stands. */
  #ended(index: number): void {
    const entry = this.#slots[index];
    if (entry === undefined) return;
    this.#slots[index] = undefined;
    const { request } = entry;
    takeResult(this.#memory, this.#channel.slot(index), request);
    const buffer = this.#buffers[index];
    const { dataOffset, dataLength, direction, residual } = request;
    if (buffer !== undefined && direction === DIRECTION_FROM_DEVICE)
      this.#memory.u8.copyWithin(dataOffset, buffer, buffer + dataLength - residual);
    request.deviceDone();
  }

  /**
   * Closes the channel: the kernel is left alone with what it has. Commands whose memory it may still read stay where they
   * are until it lets go of them.
   * @returns true when no thread of ours is in the kernel any more
   */
  async #abandon(outcome: DeviceOutcome, reason: string): Promise<boolean> {
    this.#away = true;
    const gone = await this.#channel.close();
    if (!gone) this.#log.error({ device: this.description }, "the kernel holds a command: its thread stays");
    const now = this.#clock.now();
    for (const [index, entry] of this.#slots.entries()) {
      if (entry === undefined || (!gone && this.#buffers.length === 0 && this.#channel.isSending(index))) continue;
      this.#slots[index] = undefined;
      fail(entry.request, now >= entry.deadline ? "timed out" : outcome, reason);
      entry.request.deviceDone();
    }
    return gone;
  }

  async #resetNow(): Promise<(() => void)[]> {
    try {
      const result = await this.#channel.reset();
      if (result < 0)
        this.#log.warn({ device: this.description, error: getSystemErrorName(result) }, "the device can't be reset");
    } catch (error) {
      this.#log.error({ err: error, device: this.description }, "the device can't be reset");
    }
    const waiting = this.#resetting ?? [];
    this.#resetting = undefined;
    return waiting;
  }

  /** Looks, once a second, whether an abort must become a reset, and whether the kernel keeps its own time. */
  #guard(): void {
    this.#cancelGuard = this.#clock.after(GUARD_INTERVAL, () => {
      const now = this.#clock.now();
      for (const entry of this.#slots) if (entry !== undefined && now >= entry.abortBy) this.#escalate(entry);
      if (!this.#away && this.#slots.some((entry) => entry !== undefined && now >= entry.deadline))
        void this.#openAnew();
      this.#guard();
    });
  }

  #escalate(entry: UnderWay): void {
    entry.abortBy = Number.POSITIVE_INFINITY;
    this.#log.warn({ device: this.description }, "an aborted command goes on: resetting the logical unit");
    this.reset(() => {});
  }

  /** The kernel has not ended a command in its time: whatever hangs there shall not keep the unit. */
  async #openAnew(): Promise<void> {
    this.#log.error({ device: this.description }, "a command did not end in its time: opening the device anew");
    const gone = await this.#abandon("lost", "the device was opened anew");
    // A thread that is still in the kernel has the lanes' buffers.
    if (this.#closed || (!gone && this.#buffers.length > 0)) return;
    try {
      const channel = await openChannel({ ...this.#options, queueDepth: this.queueDepth });
      channel.onEnd = (slot) => this.#ended(slot);
      this.#channel = channel;
      this.#away = false;
      if (this.#closed) await channel.close();
    } catch (error) {
      this.#log.error({ device: this.description, error: String(error) }, "the device can't be opened anew");
    }
  }
}

async function openChannel({ memory, path, queueDepth }: SgOptions): Promise<SgChannel> {
  try {
    return await SgChannel.open(memory, path, queueDepth);
  } catch (error) {
    throw error instanceof SgNodeError ? new DeviceError(error.message, error.errno) : error;
  }
}
