import type { LogicalUnit } from "../logical-unit.ts";

// Designation descriptor. [SPC-4] 7.8.6.1.
const HEADER = 4;
const PAGE_HEADER = 4;
export const CODE_SET_MASK = 0x0f;
export const DESIGNATOR_TYPE_MASK = 0x0f;
export const ASSOCIATION_MASK = 0x30;
/** The designator names the logical unit, not a port or the target device. */
const ASSOCIATION_LOGICAL_UNIT = 0x00;

/** A name of a logical unit, as VPD page 83 and EXTENDED COPY write it. */
export interface Designator {
  readonly codeSet: number;
  readonly association: number;
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** Reads a whole VPD page 83; what is cut short is not there. [SPC-4] 7.8.6. */
export function parseDesignators(page: Uint8Array): Designator[] {
  const found: Designator[] = [];
  for (let at = PAGE_HEADER; at + HEADER <= page.length; ) {
    const [codeSet = 0, type = 0, , length = 0] = page.subarray(at, at + HEADER);
    const end = at + HEADER + length;
    if (end > page.length) break;
    found.push({
      codeSet: codeSet & CODE_SET_MASK,
      association: type & ASSOCIATION_MASK,
      type: type & DESIGNATOR_TYPE_MASK,
      bytes: page.slice(at + HEADER, end),
    });
    at = end;
  }
  return found;
}

/** A logical unit that can be a copy target device. */
export interface NamedUnit {
  readonly unit: LogicalUnit;
  /** PERIPHERAL DEVICE TYPE. [SPC-4] 6.6.2. */
  readonly deviceType: number;
}

/** Finds logical units by their designators. */
export class UnitDirectory {
  readonly #units = new Map<string, NamedUnit>();

  /** @param page the unit's VPD page 83 */
  add(unit: LogicalUnit, deviceType: number, page: Uint8Array): void {
    for (const designator of parseDesignators(page))
      if (designator.association === ASSOCIATION_LOGICAL_UNIT) this.#units.set(keyOf(designator), { unit, deviceType });
  }

  find(designator: Designator): NamedUnit | undefined {
    return this.#units.get(keyOf(designator));
  }
}

function keyOf({ codeSet, association, type, bytes }: Designator): string {
  return `${codeSet} ${association} ${type} ${bytes.join(",")}`;
}
