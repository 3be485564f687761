import { VPD_BLOCK_DEVICE_CHARACTERISTICS, VPD_BLOCK_LIMITS, VPD_LOGICAL_BLOCK_PROVISIONING } from "../../abi/scsi.ts";
import { PRIMARY_VITAL_PRODUCT_DATA } from "../primary/vital-product-data.ts";
import type { VitalProductDataPage } from "../vital-product-data.ts";
import type { Disk } from "./disk.ts";
import { blockLimits } from "./limits.ts";

const MOST_32 = 0xffff_ffff;
const WRITE_SAME_NON_ZERO = 0x01;
const UNMAP_GRANULARITY_ALIGNMENT_VALID = 0x8000_0000;
const NON_ROTATING = 1;
/** WABEREQ and WACEREQ 01b: what a SANITIZE has erased is read without error; 00b where there is no such SANITIZE. */
const READABLE_AFTER_ERASE = 0x50;
const BODY_LENGTH = 60;
const PROVISIONING_LENGTH = 4;
/** LBPU, LBPWS, LBPWS10: UNMAP and both forms of WRITE SAME let go of blocks. */
const UNMAP_AND_WRITE_SAME = 0xe0;
/** LBPRZ 001b: which read as zeros then. */
const READ_AS_ZEROS = 0x04;
/** PROVISIONING TYPE. */
const THINLY_PROVISIONED = 2;

/** [SBC-4] 6.6.4. Offsets are those of the body, behind the page's header. */
function limitsPage(disk: Disk): Uint8Array {
  const limits = blockLimits(disk);
  const data = new DataView(new ArrayBuffer(BODY_LENGTH));
  data.setUint8(0, limits.writeSameNonZero ? WRITE_SAME_NON_ZERO : 0);
  data.setUint8(1, limits.maximumCompareAndWrite);
  data.setUint16(2, limits.optimalGranularity);
  data.setUint32(4, limits.maximumTransfer);
  data.setUint32(8, limits.optimalTransfer);
  data.setUint32(12, limits.maximumPrefetch);
  data.setUint32(16, Math.min(limits.maximumUnmap, MOST_32));
  data.setUint32(20, Math.min(limits.maximumUnmapDescriptors, MOST_32));
  data.setUint32(24, limits.optimalUnmapGranularity);
  const alignment = limits.unmapGranularityAlignment;
  if (alignment !== undefined) data.setUint32(28, (UNMAP_GRANULARITY_ALIGNMENT_VALID | alignment) >>> 0);
  data.setBigUint64(32, BigInt(limits.maximumWriteSame));
  data.setUint32(40, limits.maximumAtomicTransfer);
  data.setUint32(44, limits.atomicAlignment);
  data.setUint32(48, limits.atomicGranularity);
  data.setUint32(52, limits.maximumAtomicTransferWithBoundary);
  data.setUint32(56, limits.maximumAtomicBoundary);
  return new Uint8Array(data.buffer);
}

/** [SBC-4] 6.6.2: not a rotating medium, so that clients do not reorder for one. */
function characteristics({ thin }: Disk): Uint8Array {
  const data = new DataView(new ArrayBuffer(BODY_LENGTH));
  data.setUint16(0, NON_ROTATING);
  data.setUint8(3, thin ? READABLE_AFTER_ERASE : 0);
  return new Uint8Array(data.buffer);
}

/** [SBC-4] 6.6.7. */
function provisioning({ thin }: Disk): Uint8Array {
  const data = new Uint8Array(PROVISIONING_LENGTH);
  if (thin) data.set([UNMAP_AND_WRITE_SAME | READ_AS_ZEROS, THINLY_PROVISIONED], 1);
  return data;
}

/** Pages of a disk, in the order of their codes. [SBC-4] 6.6. */
export const DISK_VITAL_PRODUCT_DATA: readonly VitalProductDataPage<Disk>[] = [
  ...PRIMARY_VITAL_PRODUCT_DATA,
  { page: VPD_BLOCK_LIMITS, body: limitsPage },
  { page: VPD_BLOCK_DEVICE_CHARACTERISTICS, body: characteristics },
  { page: VPD_LOGICAL_BLOCK_PROVISIONING, body: provisioning },
];
