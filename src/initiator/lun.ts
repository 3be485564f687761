/** The adapter itself: REPORT LUNS to it lists every device. [LoPAR] app_virtual_scsi. */
export const ADAPTER_LUN = 0n;

/**
 * A device's LUN by the logical unit addressing method: 6-bit target, 3-bit bus, 5-bit lun in its first two bytes.
 * [SAM-5] 4.7.7.4; [LoPAR] app_virtual_scsi.
 */
export function deviceLun(target: number, bus = 0, lun = 0): bigint {
  return BigInt(0x8000 | ((target & 0x3f) << 8) | ((bus & 7) << 5) | (lun & 0x1f)) << 48n;
}
