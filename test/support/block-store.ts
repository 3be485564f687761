import { STORE_PENDING, type StoreCompletion } from "../../src/scsi/block-store.ts";

/** Runs a store's operation to its end, whether it answers at once or later. */
export async function ended(operation: (completion: StoreCompletion) => number): Promise<number> {
  return new Promise((resolve) => {
    const result = operation({ storeDone: resolve });
    if (result !== STORE_PENDING) resolve(result);
  });
}
