import type { DeviceServer } from "../device-server.ts";
import { type ModePage, modePageKey } from "./mode-page.ts";

/** The mode pages of one kind of logical unit: what all units of the kind have in common, made once. */
export class ModePageTable<Unit extends DeviceServer = DeviceServer> {
  /** In the order of their codes. */
  readonly rows: readonly ModePage<Unit>[];
  /** Bodies by key. */
  readonly defaults: ReadonlyMap<number, Uint8Array>;

  constructor(rows: readonly ModePage<Unit>[]) {
    this.rows = rows.toSorted((a, b) => keyOf(a) - keyOf(b));
    this.defaults = new Map(this.rows.map((row) => [keyOf(row), Uint8Array.from(row.defaults)]));
  }
}

export function keyOf({ page, subpage }: Pick<ModePage, "page" | "subpage">): number {
  return modePageKey(page, subpage);
}
