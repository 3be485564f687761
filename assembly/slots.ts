// Slots: taken from a stack of free ones, cleared of the last request's answer, given back.

import { CRQ_FORMAT_SRP } from "../src/abi/crq";
import {
  ADAPTER_FREE_COUNT,
  ADAPTER_FREE_LIST,
  ANSWER_NONE,
  SLOT_ANSWER,
  SLOT_FETCHED,
  SLOT_FREE,
  SLOT_KIND,
  SLOT_RESPONSE_COPIED,
  SLOT_RESPONSE_FORMAT,
  SLOT_STATE,
  SLOT_TAG,
  SLOT_ENTRY,
} from "../src/abi/records";
import { zero } from "./bytes";

/** Address of a free slot, or 0. */
export function acquire(adapter: u32): u32 {
  const count = load<u32>(adapter + ADAPTER_FREE_COUNT);
  if (count == 0) return 0;
  store<u32>(adapter + ADAPTER_FREE_COUNT, count - 1);
  const slot = load<u32>(load<u32>(adapter + ADAPTER_FREE_LIST) + ((count - 1) << 2));
  zero(slot + SLOT_TAG, SLOT_ENTRY - SLOT_TAG);
  zero(slot + SLOT_KIND, SLOT_RESPONSE_COPIED + 8 - SLOT_KIND);
  store<u32>(slot + SLOT_ANSWER, ANSWER_NONE);
  store<u32>(slot + SLOT_RESPONSE_FORMAT, CRQ_FORMAT_SRP);
  store<u32>(slot + SLOT_STATE, SLOT_FETCHED);
  return slot;
}

export function release(adapter: u32, slot: u32): void {
  // A slot given back twice would be handed out twice.
  if (load<u32>(slot + SLOT_STATE) == SLOT_FREE) return;
  store<u32>(slot + SLOT_STATE, SLOT_FREE);
  const count = load<u32>(adapter + ADAPTER_FREE_COUNT);
  store<u32>(load<u32>(adapter + ADAPTER_FREE_LIST) + (count << 2), slot);
  store<u32>(adapter + ADAPTER_FREE_COUNT, count + 1);
}
