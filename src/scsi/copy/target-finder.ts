import { STATUS_GOOD } from "../../abi/scsi.ts";
import type { LogicalUnit } from "../logical-unit.ts";
import {
  COPY_TARGET_NOT_REACHABLE,
  INCORRECT_COPY_TARGET_TYPE,
  type Sense,
  UNREACHABLE_COPY_TARGET,
} from "../sense.ts";
import { inquiryIdentification, readCapacity } from "./cdbs.ts";
import type { CopyRequest } from "./copy-request.ts";
import { UnitDirectory } from "./designators.ts";
import type { CopyTarget } from "./parameter-list.ts";
import type { ReadyTarget } from "./segment-copy.ts";

const IDENTIFICATION_ALLOCATION = 0x4000;
const CAPACITY_ALLOCATION = 32;
const CAPACITY_BLOCK_LENGTH = 8;
const DEVICE_TYPE_MASK = 0x1f;

/** Finds the copy targets of one EXTENDED COPY command, each once. */
export class TargetFinder {
  readonly #request: CopyRequest;
  readonly #units: readonly LogicalUnit[];
  readonly #targets: readonly CopyTarget[];
  readonly #ready = new Map<number, ReadyTarget>();
  #directory: UnitDirectory | undefined;

  constructor(request: CopyRequest, units: readonly LogicalUnit[], targets: readonly CopyTarget[]) {
    this.#request = request;
    this.#units = units;
    this.#targets = targets;
  }

  /**
   * The target that a segment names by its index.
   * @param then told the target, why there is none, or "failed" when it refused to be asked
   */
  find(index: number, then: (found: ReadyTarget | Sense | "failed") => void): void {
    const known = this.#ready.get(index);
    if (known !== undefined) return then(known);
    // An index beyond the list is as a target that can't be reached. [SPC-4] 6.4.6.2.
    const target = this.#targets[index];
    if (target === undefined) return then(COPY_TARGET_NOT_REACHABLE);
    const { designator } = target;
    // A null device holds no blocks.
    if (designator === undefined) return then(UNREACHABLE_COPY_TARGET);
    this.#directory ??= this.#identify();
    const found = this.#directory.find(designator);
    if (found === undefined) return then(COPY_TARGET_NOT_REACHABLE);
    if (found.deviceType !== target.deviceType) return then(INCORRECT_COPY_TARGET_TYPE);
    this.#request.send(found.unit, readCapacity(CAPACITY_ALLOCATION), 0, 0, () => {
      if (this.#request.status !== STATUS_GOOD) return then("failed");
      const { memory, data } = this.#request;
      const blockSize = memory.view.getUint32(data + CAPACITY_BLOCK_LENGTH);
      if (target.blockLength !== blockSize) return then(INCORRECT_COPY_TARGET_TYPE);
      const ready = { ...found, blockSize, pad: target.pad };
      this.#ready.set(index, ready);
      then(ready);
    });
  }

  /** Asks every unit for its names. Units answer INQUIRY at once, whatever their state. */
  #identify(): UnitDirectory {
    const directory = new UnitDirectory();
    const { memory, data } = this.#request;
    for (const unit of this.#units)
      this.#request.send(unit, inquiryIdentification(IDENTIFICATION_ALLOCATION), 0, 0, () => {
        if (this.#request.status !== STATUS_GOOD) return;
        const page = memory.u8.slice(data, data + this.#request.dataInCount);
        directory.add(unit, (page[0] ?? 0) & DEVICE_TYPE_MASK, page);
      });
    return directory;
  }
}
