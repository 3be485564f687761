import type { DeviceOutcome, DeviceRequest } from "../../scsi/passthrough/scsi-device.ts";
import { EFFECT_OTHER, type Effect } from "./effects.ts";

// A task tag is 16 bits of generation, by which a late answer to an earlier command is known, and 16 bits of place.
const GENERATION_SHIFT = 16;
const GENERATION_MASK = 0xffff;
const INDEX_MASK = 0xffff;
/** Places of tags that are no command's. */
export const INDEX_MAXIMUM = 0x0fff;
const INDEX_ABORT = 0x1000;
export const INDEX_PING = 0x2000;
export const INDEX_RESET = 0x2001;
export const INDEX_LOGOUT = 0x2002;

/** Place of a tag. */
export function tagIndex(tag: number): number {
  return tag & INDEX_MASK;
}

/** Tag of the task management request that aborts the command of a tag. */
export function abortTag(tag: number): number {
  return (tag | INDEX_ABORT) >>> 0;
}

/** The command's tag whose abort has this tag; undefined when it is another's. */
export function abortedTag(tag: number): number | undefined {
  return tagIndex(tag) >= INDEX_ABORT && tagIndex(tag) <= (INDEX_ABORT | INDEX_MAXIMUM)
    ? (tag & ~INDEX_ABORT) >>> 0
    : undefined;
}

/** A device request on its way to the target and back. Reused. */
export class Command {
  readonly index: number;
  #generation = 0;
  request: DeviceRequest;
  /** Bytes that go out, and bytes that may come in. */
  outLength = 0;
  inLength = 0;
  /** What it does to the medium, and where: decides whether it may be sent again. */
  effect: Effect = EFFECT_OTHER;
  firstBlock = 0;
  /** Behind its last block. */
  endBlock = 0;
  /** A command that concerns the same blocks was done while this one was with the target. */
  overlapped = false;
  /** When it came, and when it was sent last. Milliseconds of the clock. */
  since = 0;
  sentAt = 0;
  /** Some target may have executed it. */
  wasSent = false;
  cmdSN = 0;
  /** Data-in that have come, from the start of the buffer without a gap. */
  received = 0;
  nextDataSN = 0;
  /** Data-out that have been sent, likewise. */
  sent = 0;
  nextR2TSN = 0;
  /** Pieces of the buffer that the socket has not taken: until then it is not given back. */
  lent = 0;
  /** The target's answer stands. */
  answered = false;
  /** Why it shall end before it is answered. */
  ending: DeviceOutcome | undefined;
  /** When the target has to have aborted it. */
  deadline = 0;

  constructor(index: number, request: DeviceRequest) {
    this.index = index;
    this.request = request;
  }

  get tag(): number {
    return ((this.#generation << GENERATION_SHIFT) | this.index) >>> 0;
  }

  /** Answers to what was sent so far are not for this command any more. */
  renew(): void {
    this.#generation = (this.#generation + 1) & GENERATION_MASK;
    this.received = 0;
    this.nextDataSN = 0;
    this.sent = 0;
    this.nextR2TSN = 0;
    this.lent = 0;
    this.answered = false;
    this.deadline = 0;
  }
}

/** Every command of a device. */
export class CommandTable {
  readonly #idle: Command[] = [];
  #made = 0;

  /** @returns a command without a past for the request */
  take(request: DeviceRequest, now: number): Command {
    const command = this.#idle.pop() ?? new Command(this.#made++, request);
    command.request = request;
    command.renew();
    command.overlapped = false;
    command.since = now;
    command.wasSent = false;
    command.ending = undefined;
    return command;
  }

  giveBack(command: Command): void {
    this.#idle.push(command);
  }
}
