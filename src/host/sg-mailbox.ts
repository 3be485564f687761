import { SG4_LENGTH } from "../abi/sg.ts";
import type { SharedMemory } from "../core/shared-memory.ts";

// What the daemon and the workers of one device share: a region of linear memory, in the machine's byte order. A head, then a
// slot for each command that may be under way.

// Head: 32-bit words.
/** Counts how often commands have ended: who waits for one waits for this to change. */
export const HEAD_ENDED = 0;
/** Counts how often something was asked of workers. */
export const HEAD_ASKED = 4;
/** 1 while the worker of a queue sleeps: who asks something of it must wake it. */
export const HEAD_SLEEPS = 8;
/** 1 when workers shall end. */
export const HEAD_STOP = 12;
/** Room for a worker's own structures: of poll(2), a header to read into. */
export const HEAD_SCRATCH = 16;
const HEAD_LENGTH = HEAD_SCRATCH + 32 + SG4_LENGTH;

// Slot: 32-bit words, then bytes.
export const SLOT_STATE = 0;
export const SLOT_ERRNO = 4;
export const SLOT_CDB = 8;
export const SLOT_CDB_LENGTH = 12;
export const SLOT_DIRECTION = 16;
export const SLOT_DATA = 20;
export const SLOT_DATA_LENGTH = 24;
export const SLOT_TIMEOUT = 28;
export const SLOT_ATTRIBUTE = 32;
export const SLOT_STATUS = 36;
export const SLOT_HOST_STATUS = 40;
export const SLOT_DRIVER_STATUS = 44;
export const SLOT_SENSE_LENGTH = 48;
export const SLOT_RESIDUAL = 52;
export const SLOT_HEADER = 64;
export const SLOT_SENSE = SLOT_HEADER + SG4_LENGTH;
export const SLOT_SENSE_MAXIMUM = 252;
const SLOT_LENGTH = 512;

// The state of a slot is who may touch it, and only moves forward.
/** Nobody's. */
export const SLOT_FREE = 0;
/** To be given to the kernel. */
export const SLOT_ASKED = 1;
/** A worker gives it to the kernel. */
export const SLOT_SENDING = 2;
/** The kernel has it. */
export const SLOT_SENT = 3;
/** Its result stands. */
export const SLOT_ENDED = 4;

/** Where the mailbox of a device stands, as workers are told. */
export interface MailboxPlace {
  /** Linear address. */
  readonly offset: number;
  readonly slots: number;
}

/** Linear address of a slot. */
export function slotAt({ offset }: MailboxPlace, index: number): number {
  return offset + roundUp(HEAD_LENGTH) + index * SLOT_LENGTH;
}

/** Makes the mailbox of a device. @throws OutOfLinearMemory */
export function makeMailbox(memory: SharedMemory, slots: number): MailboxPlace {
  return { offset: memory.allocate(lengthFor(slots)), slots };
}

/** Gives its memory back: no worker has it any more. */
export function freeMailbox(memory: SharedMemory, { offset, slots }: MailboxPlace): void {
  memory.free(offset, lengthFor(slots));
}

function lengthFor(slots: number): number {
  return roundUp(HEAD_LENGTH) + slots * SLOT_LENGTH;
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
