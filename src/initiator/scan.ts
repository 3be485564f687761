import type { CommandResult } from "./command-queue.ts";
import type { Initiator } from "./initiator.ts";
import { ADAPTER_LUN, deviceLun } from "./lun.ts";

const INQUIRY = 0x12;
const REPORT_LUNS = 0xa0;
const INQUIRY_ALLOCATION = 255;
const REPORT_LUNS_ALLOCATION = 4096;
const SCSI_GOOD = 0;
const REPORT_LUNS_HEADER = 8;
const LUN_BYTES = 8;
const LUN_SHIFT = 48n;

/** INQUIRY, or a VPD page of it. [SPC-5] 6.7. */
export function inquiry(initiator: Initiator, lun: bigint, page?: number): Promise<CommandResult> {
  const evpd = page === undefined ? 0 : 1;
  const cdb = [INQUIRY, evpd, page ?? 0, 0, INQUIRY_ALLOCATION, 0];
  return initiator.command({ lun, cdb, dataInLength: INQUIRY_ALLOCATION });
}

/**
 * REPORT LUNS as the profile does it: once to the adapter, or to each target it scans. [SPC-5] 6.33.
 * @returns LUNs that commands can be sent to
 */
export async function reportLuns(initiator: Initiator): Promise<bigint[]> {
  const { profile } = initiator;
  if (profile.reportLuns === "adapter") {
    return (await listLuns(initiator, ADAPTER_LUN)).filter((lun) => lun !== ADAPTER_LUN);
  }
  const found: bigint[] = [];
  for (const target of profile.scanTargets) {
    // A target lists flat numbers; their low byte is the five lun bits of our form.
    for (const lun of await listLuns(initiator, deviceLun(target)))
      found.push(deviceLun(target, 0, Number(lun >> LUN_SHIFT)));
  }
  return found;
}

async function listLuns(initiator: Initiator, lun: bigint): Promise<bigint[]> {
  const cdb = [REPORT_LUNS, 0, 0, 0, 0, 0, 0, 0, REPORT_LUNS_ALLOCATION >> 8, 0, 0, 0];
  const { status, data } = await initiator.command({ lun, cdb, dataInLength: REPORT_LUNS_ALLOCATION });
  if (status !== SCSI_GOOD) return [];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const length = Math.min(view.getUint32(0), data.length - REPORT_LUNS_HEADER);
  return Array.from({ length: Math.floor(length / LUN_BYTES) }, (_, index) =>
    view.getBigUint64(REPORT_LUNS_HEADER + index * LUN_BYTES),
  );
}
