import type { Log } from "../../core/log.ts";
import type { DeviceServer } from "../device-server.ts";
import type { UnitState } from "../unit-state.ts";
import { changeableBits, type ModePage, modePageKey } from "./mode-page.ts";
import { keyOf, type ModePageTable } from "./mode-page-table.ts";
import { readSavedPages, type SavedPage, writeSavedPages } from "./saved-pages.ts";

/** Which values of a page. The numbers are those of PAGE CONTROL. [SPC-4] 6.11. */
export const CURRENT_VALUES = 0;
export const CHANGEABLE_VALUES = 1;
export const DEFAULT_VALUES = 2;
export const SAVED_VALUES = 3;

/** Name under which the saved values are kept. */
const STATE_NAME = "mode-pages";

/** The mode pages of one logical unit, with their current and saved values. [SPC-4] 5.10, 7.5. */
export class ModePages<Unit extends DeviceServer = DeviceServer> {
  /** In the order of their codes. */
  readonly rows: readonly ModePage<Unit>[];
  readonly #unit: Unit;
  readonly #state: UnitState | undefined;
  // Bodies by key. They are values: a change makes new ones, and most units have the defaults of their kind all along.
  #saved: ReadonlyMap<number, Uint8Array>;
  #current: ReadonlyMap<number, Uint8Array>;

  /** The saved values are the current ones at the start. @param state undefined: values can't be saved */
  constructor({ rows, defaults }: ModePageTable<Unit>, unit: Unit, state: UnitState | undefined, log: Log) {
    this.rows = rows;
    this.#unit = unit;
    this.#state = state;
    const kept = state?.load(STATE_NAME);
    const pages = kept === undefined ? [] : readSavedPages(kept);
    if (pages === undefined) log.warn({}, "saved mode pages are damaged: defaults are used");
    this.#saved = pages === undefined || pages.length === 0 ? defaults : this.#takenOver(defaults, pages);
    this.#current = this.#saved;
  }

  get savable(): boolean {
    return this.#state !== undefined;
  }

  find(page: number, subpage: number): ModePage<Unit> | undefined {
    return this.rows.find((row) => row.page === page && row.subpage === subpage);
  }

  /** Body of a page: a copy. @param control CURRENT_VALUES to SAVED_VALUES */
  values(row: ModePage<Unit>, control: number): Uint8Array {
    switch (control) {
      case CHANGEABLE_VALUES:
        return Uint8Array.from(row.defaults, (_, at) => changeableBits(row, at));
      case DEFAULT_VALUES:
        return Uint8Array.from(row.defaults);
      case SAVED_VALUES:
        return Uint8Array.from(this.#saved.get(keyOf(row)) ?? []);
      default: {
        const body = Uint8Array.from(this.#current.get(keyOf(row)) ?? []);
        row.refresh?.(this.#unit, body);
        return body;
      }
    }
  }

  /** One byte of a page's current values, without a copy. */
  currentByte(page: number, at: number): number {
    return this.#current.get(modePageKey(page, 0))?.[at] ?? 0;
  }

  /**
   * Changes current values, and saves those of all pages when `save` is set. The bodies have been checked.
   * @returns true when a current value is another one now
   * @throws what the state throws when it can't keep them: nothing has changed then
   */
  change(bodies: ReadonlyMap<ModePage<Unit>, Uint8Array>, save: boolean): boolean {
    const before = this.#current;
    const next = new Map(before);
    for (const [row, body] of bodies) next.set(keyOf(row), body);
    if (save) {
      this.#state?.save(
        STATE_NAME,
        writeSavedPages(this.rows.map((row) => [row, next.get(keyOf(row)) ?? new Uint8Array()])),
      );
      this.#saved = next;
    }
    this.#current = next;
    return [...bodies].some(([row, body]) => !equal(body, before.get(keyOf(row))));
  }

  /** The saved values are the current ones again, as after power on. [SPC-4] 5.10. */
  revert(): void {
    this.#current = this.#saved;
  }

  /** Only bits that are changeable come from outside; pages that are not ours are passed over. */
  #takenOver(defaults: ReadonlyMap<number, Uint8Array>, pages: readonly SavedPage[]): Map<number, Uint8Array> {
    const values = new Map(defaults);
    for (const { page, subpage, body } of pages) {
      const row = this.find(page, subpage);
      if (row === undefined || row.defaults.length !== body.length) continue;
      const mixed = row.defaults.map((value, at) => {
        const bits = changeableBits(row, at);
        return (value & ~bits) | ((body[at] ?? 0) & bits);
      });
      values.set(keyOf(row), Uint8Array.from(mixed));
    }
    return values;
  }
}

function equal(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return a.length === b?.length && a.every((value, at) => value === b[at]);
}
