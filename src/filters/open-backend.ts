import { type Backend as BareBackend, openStore, type StoreContext } from "../backends/open-store.ts";
import type { BlockStore } from "../scsi/block-store.ts";
import { type OverlayOptions, openOverlay } from "./overlay/open-overlay.ts";

/** Where a logical unit's bytes are, and what lies over them. */
export type Backend = BareBackend & {
  readonly overlay?: OverlayOptions | undefined;
};

/** Opens the store of a backend with what lies over it. @throws StoreOpenError, StoreError */
export async function openBackend(backend: Backend, context: StoreContext): Promise<BlockStore> {
  const { overlay } = backend;
  if (overlay === undefined) return openStore(backend, context);
  return openOverlay(overlay, {
    ...context,
    openBase: (readOnly) => openStore(backend, { ...context, readOnly, undisturbed: true }),
  });
}
