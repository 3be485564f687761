// The valid byte of a ring entry: the only hand-over between producer and consumer. Acquire and release here, nowhere else.

import { CRQ_HEADER } from "../src/abi/crq";

@inline
export function loadHeader(entry: u32): u32 {
  return ASC_FEATURE_THREADS ? <u32>atomic.load<u8>(entry + CRQ_HEADER) : <u32>load<u8>(entry + CRQ_HEADER);
}

@inline
export function storeHeader(entry: u32, header: u32): void {
  if (ASC_FEATURE_THREADS) atomic.store<u8>(entry + CRQ_HEADER, <u8>header);
  else store<u8>(entry + CRQ_HEADER, <u8>header);
}
