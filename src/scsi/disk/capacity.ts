import type { DeviceServer } from "../device-server.ts";
import { answerWith } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb32 } from "../task-access.ts";
import type { Disk } from "./disk.ts";

const READ_CAPACITY_10_LENGTH = 8;
const READ_CAPACITY_16_LENGTH = 32;
/** LBPME and LBPRZ. */
const MANAGED_PROVISIONING = 0x80;
const READ_AS_ZEROS = 0x40;
/** READ CAPACITY(10) says this when the last block needs more than 32 bits. */
const CAPACITY_BEYOND_32_BITS = 0xffffffff;

/** READ CAPACITY(10). [SBC-3] 5.15. */
export function readCapacity10(disk: DeviceServer, task: ScsiTask) {
  const data = new DataView(new ArrayBuffer(READ_CAPACITY_10_LENGTH));
  data.setUint32(0, Math.min(disk.medium.blockCount - 1, CAPACITY_BEYOND_32_BITS));
  data.setUint32(4, disk.medium.blockSize);
  answer(task, data, READ_CAPACITY_10_LENGTH);
}

/** READ CAPACITY(16). [SBC-3] 5.16. */
export function readCapacity16(disk: Disk, task: ScsiTask) {
  const data = new DataView(new ArrayBuffer(READ_CAPACITY_16_LENGTH));
  data.setBigUint64(0, BigInt(disk.medium.blockCount - 1));
  data.setUint32(8, disk.medium.blockSize);
  data.setUint8(13, physicalExponent(disk));
  data.setUint8(14, disk.thin ? MANAGED_PROVISIONING | READ_AS_ZEROS : 0);
  answer(task, data, cdb32(task, 10));
}

/** LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT. */
function physicalExponent({ medium: { physicalBlockSize, blockSize } }: Disk): number {
  return Math.log2(physicalBlockSize / blockSize);
}

function answer(task: ScsiTask, data: DataView, allocation: number) {
  answerWith(task, new Uint8Array(data.buffer), allocation);
}
