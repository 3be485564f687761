import type { DeviceServer } from "../device-server.ts";

/**
 * One mode page: the only place that tells anything about it. `Unit` is the kind of device server that has it. Bodies
 * are the bytes behind the page's header, which is two bytes, four with a subpage. [SPC-4] 7.5.7.
 */
export interface ModePage<Unit extends DeviceServer = DeviceServer> {
  /** PAGE CODE. */
  readonly page: number;
  /** SUBPAGE CODE; 0 for a page without one. */
  readonly subpage: number;
  /** Name as the standard writes it. */
  readonly name: string;
  /** Body as it was made: the default values. */
  readonly defaults: readonly number[];
  /** Bits of the body that MODE SELECT may change, from its first byte; what is not here is not changeable. */
  readonly changeable?: readonly number[];
  /** Writes what changes by itself into the current values. A method, as in `Command`. */
  refresh?(unit: Unit, body: Uint8Array): void;
}

/** A page in the list of all pages: pages in the order of their codes, their subpages behind them. */
export function modePageKey(page: number, subpage: number): number {
  return (page << 8) | subpage;
}

/** Bits of the byte at `at` of a page's body that MODE SELECT may change. */
export function changeableBits({ changeable }: Pick<ModePage, "changeable">, at: number): number {
  return changeable?.[at] ?? 0;
}
