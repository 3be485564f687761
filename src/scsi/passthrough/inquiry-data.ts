import { INQUIRY, PERIPHERAL_DIRECT_ACCESS, VPD_BLOCK_LIMITS } from "../../abi/scsi.ts";
import { ascii } from "../ascii.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8 } from "../task-access.ts";

const EVPD = 0x01;
/** PERIPHERAL QUALIFIER 011b: the device says that nothing can stand at its LUN. [SPC-4] 6.6.2. */
const QUALIFIER_MASK = 0xe0;
const NOT_CAPABLE = 0x60;
const NORMAL_ACA = 0x20;
const STRINGS = [
  { key: "vendor", at: 8, length: 8 },
  { key: "product", at: 16, length: 16 },
  { key: "revision", at: 32, length: 4 },
] as const;
/** MAXIMUM and OPTIMAL TRANSFER LENGTH, in blocks; MAXIMUM PREFETCH LENGTH is not data. [SBC-3] 6.6.4. */
const TRANSFER_LENGTHS = [8, 12] as const;

/** What of the answers to INQUIRY is ours to say. */
export interface InquiryChanges {
  /** Strings that clients are told instead of the device's: AIX takes a disk only with IBM's. [protocol] 5.2. */
  readonly strings: { readonly [key in (typeof STRINGS)[number]["key"]]?: string | undefined };
  readonly peripheralDeviceType: number;
  /** Bytes of a logical block; 0 when it is not known. */
  readonly blockSize: number;
  /** Bytes that one command may transfer on the way to the device. */
  readonly transferMaximum: number;
}

/**
 * Rewrites the device's answer to an INQUIRY where the unit differs from the device: that it stands at this LUN, that it
 * establishes no ACA (nothing could clear it), what it is called, and how much it transfers at once.
 */
export function rewriteInquiry(task: ScsiTask, changes: InquiryChanges): void {
  if (cdb8(task, 0) !== INQUIRY) return;
  const data = task.memory.u8.subarray(task.buffer, task.buffer + Math.min(task.dataInCount, task.dataInLength));
  const first = data[0];
  if (first === undefined || (first & QUALIFIER_MASK) === NOT_CAPABLE) return;
  data[0] = first & ~QUALIFIER_MASK;
  if ((cdb8(task, 1) & EVPD) === 0) rewriteStandard(data, changes);
  else if (data[1] === VPD_BLOCK_LIMITS && changes.peripheralDeviceType === PERIPHERAL_DIRECT_ACCESS)
    limitTransfers(data, changes);
}

function rewriteStandard(data: Uint8Array, { strings }: InquiryChanges): void {
  if (data.length > 3) data[3] = (data[3] ?? 0) & ~NORMAL_ACA;
  for (const { key, at, length } of STRINGS) {
    const text = strings[key];
    if (text !== undefined && at < data.length) data.set(ascii(text, length).subarray(0, data.length - at), at);
  }
}

function limitTransfers(data: Uint8Array, { blockSize, transferMaximum }: InquiryChanges): void {
  if (blockSize === 0) return;
  const most = Math.max(1, Math.floor(transferMaximum / blockSize));
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  for (const at of TRANSFER_LENGTHS) {
    if (at + 4 > data.length) return;
    const told = view.getUint32(at);
    // 0 is "no limit" for the maximum, and "nothing to recommend" for the optimum.
    if (told > most || (told === 0 && at === TRANSFER_LENGTHS[0])) view.setUint32(at, most);
  }
}
