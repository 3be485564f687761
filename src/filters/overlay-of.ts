import type { BlockStore } from "../scsi/block-store.ts";
import { Filter } from "./filter.ts";
import { OverlayStore } from "./overlay/overlay-store.ts";

/** The overlay that a store has, below its filters; undefined when it has none. */
export function overlayOf(store: BlockStore): OverlayStore | undefined {
  let found = store;
  while (found instanceof Filter) found = found.inner;
  return found instanceof OverlayStore ? found : undefined;
}
