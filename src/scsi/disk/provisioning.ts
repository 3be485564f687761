import type { Medium } from "../medium.ts";
import { answerWith, checkCondition, LBA_OUT_OF_RANGE } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb32 } from "../task-access.ts";
import { type Blocks, blocks, bytesIn } from "../units.ts";
import { cdb64 } from "./block-range.ts";
import type { Disk } from "./disk.ts";

const HEADER = 8;
const DESCRIPTOR = 16;
/** PARAMETER DATA LENGTH counts from behind itself. */
const LENGTH_FIELD = 4;
/** Descriptors of one answer: 64 KiB, however fragmented the medium is. */
const DESCRIPTORS_MOST = 4095;
const MOST_32 = 0xffff_ffff;
// PROVISIONING STATUS. [SBC-4] 5.9.3.
const MAPPED = 0;
const DEALLOCATED = 1;

interface ProvisionedExtent {
  readonly count: Blocks;
  readonly allocated: boolean;
}

/**
 * Blocks from `first` on that are alike: held by storage or not. A block that is held in part is held.
 * @param first below the medium's end
 */
function extentFrom({ store, blockSize, blockCount }: Medium, first: Blocks): ProvisionedExtent {
  const rest = blocks(blockCount - first);
  const { provisioning } = store;
  if (provisioning === undefined) return { count: rest, allocated: true };
  const extent = provisioning.extentAt(bytesIn(first, blockSize), bytesIn(rest, blockSize));
  const whole = blocks(Math.floor(extent.length / blockSize));
  if (extent.allocated || whole === 0)
    return { count: blocks(Math.min(rest, Math.ceil(extent.length / blockSize))), allocated: true };
  return { count: whole, allocated: false };
}

/** GET LBA STATUS. [SBC-4] 5.9: the first descriptor begins with the block that was asked for. */
export function getLbaStatus({ medium }: Disk, task: ScsiTask): void {
  const first = blocks(cdb64(task, 2));
  const allocation = cdb32(task, 10);
  if (first >= medium.blockCount) return checkCondition(task, LBA_OUT_OF_RANGE);
  const room = Math.min(DESCRIPTORS_MOST, Math.max(1, Math.floor((allocation - HEADER) / DESCRIPTOR)));
  const data = new DataView(new ArrayBuffer(HEADER + room * DESCRIPTOR));
  let at = HEADER;
  for (let block = first; block < medium.blockCount && at < data.byteLength; at += DESCRIPTOR) {
    const { count, allocated } = extentFrom(medium, block);
    const told = Math.min(count, MOST_32);
    data.setBigUint64(at, BigInt(block));
    data.setUint32(at + 8, told);
    data.setUint8(at + 12, allocated ? MAPPED : DEALLOCATED);
    block = blocks(block + told);
  }
  data.setUint32(0, at - LENGTH_FIELD);
  answerWith(task, new Uint8Array(data.buffer, 0, at), allocation);
}
