import type { Log } from "../../core/log.ts";
import type { DeviceServer } from "../device-server.ts";
import type { UnitState } from "../unit-state.ts";
import { changeableBits, type ModePage, modePageKey } from "./mode-page.ts";
import { readSavedPages, writeSavedPages } from "./saved-pages.ts";

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
  readonly #saved = new Map<number, Uint8Array>();
  readonly #current = new Map<number, Uint8Array>();

  /** The saved values are the current ones at the start. @param state undefined: values can't be saved */
  constructor(rows: readonly ModePage<Unit>[], unit: Unit, state: UnitState | undefined, log: Log) {
    this.rows = rows.toSorted((a, b) => modePageKey(a.page, a.subpage) - modePageKey(b.page, b.subpage));
    this.#unit = unit;
    this.#state = state;
    for (const row of rows) this.#saved.set(keyOf(row), Uint8Array.from(row.defaults));
    const kept = state?.load(STATE_NAME);
    if (kept !== undefined && !this.#takeOver(kept)) log.warn({}, "saved mode pages are damaged: defaults are used");
    this.revert();
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
    const next = new Map(this.#current);
    for (const [row, body] of bodies) next.set(keyOf(row), body);
    if (save) {
      this.#state?.save(
        STATE_NAME,
        writeSavedPages(this.rows.map((row) => [row, next.get(keyOf(row)) ?? new Uint8Array()])),
      );
      for (const [key, body] of next) this.#saved.set(key, body);
    }
    const changed = [...bodies].some(([row, body]) => !equal(body, this.#current.get(keyOf(row))));
    for (const [key, body] of next) this.#current.set(key, body);
    return changed;
  }

  /** The saved values are the current ones again, as after power on. [SPC-4] 5.10. */
  revert(): void {
    for (const [key, body] of this.#saved) this.#current.set(key, body);
  }

  /** Only bits that are changeable come from outside. @returns false when the bytes are not ours */
  #takeOver(kept: Uint8Array): boolean {
    const pages = readSavedPages(kept);
    if (pages === undefined) return false;
    for (const { page, subpage, body } of pages) {
      const row = this.find(page, subpage);
      if (row === undefined || row.defaults.length !== body.length) continue;
      const mixed = row.defaults.map((value, at) => {
        const bits = changeableBits(row, at);
        return (value & ~bits) | ((body[at] ?? 0) & bits);
      });
      this.#saved.set(keyOf(row), Uint8Array.from(mixed));
    }
    return true;
  }
}

function keyOf({ page, subpage }: Pick<ModePage, "page" | "subpage">): number {
  return modePageKey(page, subpage);
}

function equal(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return a.length === b?.length && a.every((value, at) => value === b[at]);
}
