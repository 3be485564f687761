import { SG_IO } from "../abi/sg.ts";
import type { SgCalls } from "./sg-calls.ts";
import { readVersion3, readVersion4, writeVersion3, writeVersion4 } from "./sg-headers.ts";
import {
  HEAD_STOP,
  type MailboxPlace,
  SLOT_ASKED,
  SLOT_ENDED,
  SLOT_ERRNO,
  SLOT_HEADER,
  SLOT_SENDING,
  SLOT_STATE,
  slotAt,
} from "./sg-mailbox.ts";
import type { SgInterface } from "./sg-node.ts";
import { tellEnded } from "./sg-queue.ts";
import type { WorkerMemory } from "./sg-worker-memory.ts";

interface LaneOptions {
  readonly fd: number;
  readonly interface: SgInterface;
  readonly slot: number;
  readonly mailbox: MailboxPlace;
  readonly calls: SgCalls;
  readonly memory: WorkerMemory;
}

/** The commands of one slot, one after the other: each is a call that waits for its end. Returns when it shall stop. */
export function callLane({ mailbox, memory, calls, fd, slot: index, interface: way }: LaneOptions): void {
  const { words, view, base } = memory;
  const slot = slotAt(mailbox, index);
  const state = (slot + SLOT_STATE) >> 2;
  while (Atomics.load(words, (mailbox.offset + HEAD_STOP) >> 2) === 0) {
    const found = Atomics.compareExchange(words, state, SLOT_ASKED, SLOT_SENDING);
    if (found !== SLOT_ASKED) {
      Atomics.wait(words, state, found);
      continue;
    }
    if (way === "call version 4") writeVersion4(memory, slot);
    else writeVersion3(memory, slot, index);
    const result = calls.ioctl(fd, SG_IO, base + slot + SLOT_HEADER);
    view.setInt32(slot + SLOT_ERRNO, Math.min(result, 0), true);
    if (way === "call version 4") readVersion4(memory, slot);
    else readVersion3(memory, slot, slot + SLOT_HEADER);
    Atomics.store(words, state, SLOT_ENDED);
    tellEnded(words, mailbox.offset >> 2);
  }
}
