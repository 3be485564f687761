import { SG3_LENGTH, SG3_PACK_ID } from "../abi/sg.ts";
import type { SgCalls } from "./sg-calls.ts";
import { readVersion3, writeVersion3 } from "./sg-headers.ts";
import {
  HEAD_ENDED,
  HEAD_SCRATCH,
  HEAD_SLEEPS,
  HEAD_STOP,
  type MailboxPlace,
  SLOT_ASKED,
  SLOT_ENDED,
  SLOT_ERRNO,
  SLOT_HEADER,
  SLOT_SENDING,
  SLOT_SENT,
  SLOT_STATE,
  slotAt,
} from "./sg-mailbox.ts";
import type { WorkerMemory } from "./sg-worker-memory.ts";

// struct pollfd. poll(2).
const POLL_LENGTH = 8;
const POLL_EVENTS = 4;
const POLL_RETURNED = 6;
const POLLIN = 1;
/** Where a header is read to: behind the two entries of poll. */
const READ_HEADER = 32;

interface QueueOptions {
  readonly fd: number;
  readonly eventfd: number;
  readonly mailbox: MailboxPlace;
  readonly calls: SgCalls;
  readonly memory: WorkerMemory;
}

/**
 * The commands of one sg device: written to its file when they are asked, read from it when they have ended. Returns when
 * it shall stop; what the kernel has then stays there, and touches no memory of ours until it is read.
 */
export function runQueue(options: QueueOptions): void {
  const { mailbox, calls, memory, fd, eventfd } = options;
  const { words, view, base } = memory;
  const head = mailbox.offset >> 2;
  const stopped = () => Atomics.load(words, head + (HEAD_STOP >> 2)) !== 0;
  const list = mailbox.offset + HEAD_SCRATCH;
  view.setInt32(list, fd, true);
  view.setInt32(list + POLL_LENGTH, eventfd, true);
  view.setUint16(list + POLL_EVENTS, POLLIN, true);
  view.setUint16(list + POLL_LENGTH + POLL_EVENTS, POLLIN, true);
  while (!stopped()) {
    const ended = sendAsked(options) + fetchEnded(options);
    if (ended > 0) tellEnded(words, head);
    Atomics.store(words, head + (HEAD_SLEEPS >> 2), 1);
    if (!isAsked(options) && !stopped()) calls.poll(base + list, 2, -1);
    Atomics.store(words, head + (HEAD_SLEEPS >> 2), 0);
    if ((view.getUint16(list + POLL_LENGTH + POLL_RETURNED, true) & POLLIN) !== 0)
      calls.read(eventfd, base + list + READ_HEADER, POLL_LENGTH);
  }
}

/** Whoever waits for commands to end looks. */
export function tellEnded(words: Int32Array, head: number): void {
  Atomics.add(words, head + (HEAD_ENDED >> 2), 1);
  Atomics.notify(words, head + (HEAD_ENDED >> 2));
}

function isAsked({ mailbox, memory }: QueueOptions): boolean {
  for (let index = 0; index < mailbox.slots; index++)
    if (Atomics.load(memory.words, (slotAt(mailbox, index) + SLOT_STATE) >> 2) === SLOT_ASKED) return true;
  return false;
}

/** @returns how many ended at once, since the kernel did not take them */
function sendAsked({ mailbox, memory, calls, fd }: QueueOptions): number {
  const { words, view, base } = memory;
  let ended = 0;
  for (let index = 0; index < mailbox.slots; index++) {
    const slot = slotAt(mailbox, index);
    const state = (slot + SLOT_STATE) >> 2;
    if (Atomics.compareExchange(words, state, SLOT_ASKED, SLOT_SENDING) !== SLOT_ASKED) continue;
    writeVersion3(memory, slot, index);
    const result = calls.write(fd, base + slot + SLOT_HEADER, SG3_LENGTH);
    view.setInt32(slot + SLOT_ERRNO, Math.min(result, 0), true);
    Atomics.store(words, state, result < 0 ? SLOT_ENDED : SLOT_SENT);
    if (result < 0) ended++;
  }
  return ended;
}

/** @returns how many have ended */
function fetchEnded({ mailbox, memory, calls, fd }: QueueOptions): number {
  const { words, view, base } = memory;
  const stop = (mailbox.offset + HEAD_STOP) >> 2;
  const header = mailbox.offset + HEAD_SCRATCH + READ_HEADER;
  let ended = 0;
  while (Atomics.load(words, stop) === 0) {
    // sg copies the data to where the command's own header had them, and its sense data likewise.
    if (calls.read(fd, base + header, SG3_LENGTH) !== SG3_LENGTH) return ended;
    const index = view.getInt32(header + SG3_PACK_ID, true);
    if (index < 0 || index >= mailbox.slots) continue;
    const slot = slotAt(mailbox, index);
    readVersion3(memory, slot, header);
    Atomics.store(words, (slot + SLOT_STATE) >> 2, SLOT_ENDED);
    ended++;
  }
  return ended;
}
