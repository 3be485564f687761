import { getSystemErrorName } from "node:util";
import { STORE_DONE, STORE_PENDING, type StoreCompletion } from "../scsi/block-store.ts";

/** A store failed at what no initiator asked for; the message tells what it was. */
export class StoreError extends Error {
  readonly code = "VSCSI_STORE";

  /** @param errno negative, as stores answer it */
  constructor(what: string, errno: number) {
    super(`${what} (${getSystemErrorName(errno)})`);
  }
}

/** The result of a store's operation, whether it comes at once or later. Not for the hot path. */
export function storeResult(begin: (completion: StoreCompletion) => number): Promise<number> {
  return new Promise((resolve) => {
    const result = begin({ storeDone: resolve });
    if (result !== STORE_PENDING) resolve(result);
  });
}

/** The same for one that must not fail. @throws StoreError */
export async function storeDone(what: string, begin: (completion: StoreCompletion) => number): Promise<void> {
  const result = await storeResult(begin);
  if (result !== STORE_DONE) throw new StoreError(what, result);
}
