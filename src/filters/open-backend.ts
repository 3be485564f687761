import { type Backend as BareBackend, openStore, type StoreContext } from "../backends/open-store.ts";
import { systemClock } from "../core/clock.ts";
import type { BlockStore } from "../scsi/block-store.ts";
import { DelayFilter, type DelayOptions } from "./delay.ts";
import { ErrorFilter, type ErrorOptions } from "./error.ts";
import { type OverlayOptions, openOverlay } from "./overlay/open-overlay.ts";

/** What each kind of filter is told, by its `type`. */
interface FilterOptions {
  delay: DelayOptions;
  error: ErrorOptions;
}

type FilterType = keyof FilterOptions;
type FilterConfig = { [Type in FilterType]: { type: Type } & FilterOptions[Type] }[FilterType];

/** Every kind of filter: a new one is a file beside this one, and a line here. */
const FILTERS: {
  [Type in FilterType]: (inner: BlockStore, options: FilterOptions[Type], context: StoreContext) => BlockStore;
} = {
  delay: (inner, options) => new DelayFilter(inner, options, systemClock),
  error: (inner, options, { blockSize }) => new ErrorFilter(inner, options, blockSize),
};

/** Where a logical unit's bytes are, and what lies over them. */
export type Backend = BareBackend & {
  readonly overlay?: OverlayOptions | undefined;
  /** The first one is asked first. */
  readonly filters?: FilterConfig[] | undefined;
};

/** Opens the store of a backend with what lies over it: the overlay, and over that the filters. @throws StoreOpenError, StoreError */
export async function openBackend(backend: Backend, context: StoreContext): Promise<BlockStore> {
  const { filters = [] } = backend;
  return filters.reduceRight((inner, filter) => filtered(inner, filter, context), await openLayers(backend, context));
}

async function openLayers({ overlay, ...backend }: Backend, context: StoreContext): Promise<BlockStore> {
  if (overlay === undefined) return openStore(backend, context);
  return openOverlay(overlay, {
    ...context,
    openBase: (readOnly) => openStore(backend, { ...context, readOnly, undisturbed: true }),
  });
}

function filtered<Type extends FilterType>(
  inner: BlockStore,
  filter: { type: Type } & FilterOptions[Type],
  context: StoreContext,
): BlockStore {
  return FILTERS[filter.type](inner, filter, context);
}
