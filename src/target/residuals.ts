import { SLOT_DATA_IN_RESIDUAL, SLOT_DATA_OUT_RESIDUAL } from "../abi/records.ts";
import { SRP_RSP_DIOVER, SRP_RSP_DIUNDER, SRP_RSP_DOOVER, SRP_RSP_DOUNDER } from "../abi/srp.ts";
import type { ScsiTask } from "../scsi/task.ts";

/**
 * How a transfer shorter than the client's buffer is told. `standard`: UNDER and the bytes not filled. `linux`: OVER and
 * the same count for clients that say they are Linux, whose driver looks at nothing else. [protocol] 3.8.
 */
export type ResidualStyle = "standard" | "linux";

/**
 * Writes both residuals of a finished task into its slot. [SRP] r16a 6.9: OVER is what did not fit, UNDER what was
 * not filled.
 * @param asLinux the client takes OVER for UNDER; a buffer that was too small is then not told
 * @returns SRP_RSP_* flags
 */
export function writeResiduals(view: DataView, slot: number, task: ScsiTask, asLinux: boolean): number {
  const out = task.dataOutLength - task.dataOutCount;
  const into = task.dataInLength - task.dataInCount;
  const toldOut = asLinux ? Math.max(out, 0) : Math.abs(out);
  const toldIn = asLinux ? Math.max(into, 0) : Math.abs(into);
  view.setUint32(slot + SLOT_DATA_OUT_RESIDUAL, toldOut, true);
  view.setUint32(slot + SLOT_DATA_IN_RESIDUAL, toldIn, true);
  let flags = 0;
  if (toldOut !== 0) flags |= out > 0 && !asLinux ? SRP_RSP_DOUNDER : SRP_RSP_DOOVER;
  if (toldIn !== 0) flags |= into > 0 && !asLinux ? SRP_RSP_DIUNDER : SRP_RSP_DIOVER;
  return flags;
}
