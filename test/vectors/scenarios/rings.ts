import { TCE_READ } from "../../../src/abi/papr.ts";
import {
  QUEUE_CLOSED,
  QUEUE_DISABLED,
  QUEUE_ENQUEUE,
  QUEUE_IOBA,
  QUEUE_OPEN,
  QUEUE_SIGNAL_MODE,
  QUEUE_STATE,
} from "../../../src/abi/records.ts";
import { PAGE, RING_ENTRIES } from "../../core/side.ts";
import { ENTRY, fill, put, type Scenario, word } from "./scenario.ts";

export const RINGS: readonly Scenario[] = [
  {
    name: "bytes-copy",
    title: "Copies of every length that a vector loop treats differently, at odd addresses",
    run(side, core) {
      fill(side, side.data, 1024, 1);
      for (const length of [0, 1, 15, 16, 63, 64, 65, 127, 128, 200])
        core.bytes_copy(side.data + 0x1000 + length * 3, side.data + length, length);
      core.bytes_copy(side.data + 0x2000, side.data, 1024);
    },
  },
  {
    name: "crq-put",
    title: "H_SEND_CRQ into a queue: interrupt, wrap-around, full, closed, disabled, unmapped",
    run(side, core) {
      const { queue, entries } = side;
      put(side, entries, ENTRY);
      core.crq_put(queue, entries);
      side.set(queue + QUEUE_SIGNAL_MODE, 1);
      core.crq_put(queue, entries);
      side.set(queue + QUEUE_ENQUEUE, PAGE - 16);
      core.crq_put(queue, entries);
      // The first entry still stands there: full.
      core.crq_put(queue, entries);
      for (const state of [QUEUE_CLOSED, QUEUE_DISABLED]) {
        side.set(queue + QUEUE_STATE, state);
        core.crq_put(queue, entries);
      }
      side.set(queue + QUEUE_STATE, QUEUE_OPEN);
      side.map(side.queuePage, 0, TCE_READ);
      core.crq_put(queue, entries);
      side.set(queue + QUEUE_IOBA, 0xfffff000);
      core.crq_put(queue, entries);
    },
  },
  {
    name: "crq-scan",
    title: "Valid entries are taken off a ring in order, around its end, at most as many as asked",
    run(side, core) {
      const { ring, entries } = side;
      core.crq_scan(ring, RING_ENTRIES, 0, entries, 8);
      for (const index of [62, 63, 0, 1, 3]) put(side, ring + index * 16, `80010000000000${word(index)}0000000000`);
      core.crq_scan(ring, RING_ENTRIES, 62, entries, 3);
      core.crq_scan(ring, RING_ENTRIES, 1, entries, 8);
      core.crq_scan(ring, RING_ENTRIES, 3, entries, 0);
      core.crq_scan(ring, RING_ENTRIES, 3, entries, 1);
    },
  },
];
