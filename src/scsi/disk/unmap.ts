import { STATUS_BUSY } from "../../abi/scsi.ts";
import { LIST_TOO_SHORT, ParameterFault, wrongParameter } from "../parameter-fault.ts";
import { endWith, good, LBA_OUT_OF_RANGE } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb16, dataOut } from "../task-access.ts";
import { blocks } from "../units.ts";
import { type BlockExtent, Deallocation } from "./deallocation.ts";
import type { Disk } from "./disk.ts";
import { blockLimits } from "./limits.ts";

const PARAMETER_LIST_LENGTH = 7;
// Parameter list. [SBC-4] 5.35.2.
const HEADER = 8;
const BLOCK_DESCRIPTOR_DATA_LENGTH = 2;
const DESCRIPTOR = 16;

/** UNMAP. [SBC-4] 5.35. Nothing is let go of unless all of the list is right. */
export function unmap(disk: Disk, task: ScsiTask): void {
  const length = cdb16(task, PARAMETER_LIST_LENGTH);
  task.dataOutCount = length;
  if (length === 0) return good(task);
  if (length < HEADER || task.dataOutLength < length) return LIST_TOO_SHORT.refuse(task);
  const extents = parseUnmapList(dataOut(task, length), disk);
  if (extents instanceof ParameterFault) return extents.refuse(task);
  if (extents.length === 0) return good(task);
  if (!Deallocation.begin(disk, task, extents)) endWith(task, STATUS_BUSY);
}

/**
 * The extents that an UNMAP parameter list names, without empty ones. A last descriptor that is cut off is ignored, as
 * [SBC-4] 5.35.2 says. @param view the list, 8 bytes at least
 */
function parseUnmapList(view: DataView, disk: Disk): BlockExtent[] | ParameterFault {
  const limits = blockLimits(disk);
  const told = Math.min(view.getUint16(BLOCK_DESCRIPTOR_DATA_LENGTH), view.byteLength - HEADER);
  const descriptors = Math.floor(told / DESCRIPTOR);
  if (descriptors > limits.maximumUnmapDescriptors) return wrongParameter(BLOCK_DESCRIPTOR_DATA_LENGTH);
  const extents: BlockExtent[] = [];
  let total = 0;
  for (let index = 0; index < descriptors; index++) {
    const at = HEADER + index * DESCRIPTOR;
    const address = view.getBigUint64(at);
    const count = blocks(view.getUint32(at + 8));
    // Beyond 2^53 a number would be another block.
    const first = blocks(address > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(address));
    if (!disk.medium.holds(first, count)) return new ParameterFault(LBA_OUT_OF_RANGE, { fieldPointer: at });
    total += count;
    if (total > limits.maximumUnmap) return wrongParameter(at + 8);
    if (count > 0) extents.push({ first, count });
  }
  return extents;
}
