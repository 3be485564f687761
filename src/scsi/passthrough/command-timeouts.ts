import {
  ATA_PASS_THROUGH_12,
  CLOSE_TRACK_SESSION,
  ERASE_6,
  ERASE_16,
  EXCHANGE_MEDIUM,
  LOCATE_16,
  MOVE_MEDIUM,
  PERIPHERAL_MEDIUM_CHANGER,
  PERIPHERAL_SEQUENTIAL_ACCESS,
  REASSIGN_BLOCKS,
  REWIND,
  SEEK_10,
  SPACE_6,
  VERIFY_6,
  WRITE_FILEMARKS_6,
} from "../../abi/passthrough.ts";
import {
  FORMAT_UNIT,
  PERIPHERAL_CD_DVD,
  SANITIZE,
  SEND_DIAGNOSTIC,
  START_STOP_UNIT,
  SYNCHRONIZE_CACHE_10,
  SYNCHRONIZE_CACHE_16,
  UNMAP,
  WRITE_BUFFER,
  WRITE_SAME_10,
  WRITE_SAME_16,
} from "../../abi/scsi.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** What any other command may take, in milliseconds. */
export const COMMAND_TIMEOUT = 30 * SECOND;

interface TimeoutRow {
  readonly opcode: number;
  readonly timeout: number;
  /** Only of devices of this type. */
  readonly type?: number;
}

/** Commands that may take longer than the usual time-out: at least so many milliseconds. */
const ROWS: readonly TimeoutRow[] = [
  { opcode: FORMAT_UNIT, timeout: 24 * HOUR },
  { opcode: SANITIZE, timeout: 24 * HOUR },
  { opcode: SEND_DIAGNOSTIC, timeout: 2 * HOUR },
  { opcode: WRITE_BUFFER, timeout: 10 * MINUTE },
  { opcode: START_STOP_UNIT, timeout: 2 * MINUTE },
  { opcode: SYNCHRONIZE_CACHE_10, timeout: 2 * MINUTE },
  { opcode: SYNCHRONIZE_CACHE_16, timeout: 2 * MINUTE },
  { opcode: UNMAP, timeout: 2 * MINUTE },
  { opcode: WRITE_SAME_10, timeout: 10 * MINUTE },
  { opcode: WRITE_SAME_16, timeout: 10 * MINUTE },
  { opcode: REASSIGN_BLOCKS, timeout: 2 * MINUTE },
  // A tape winds from one end to the other, and LOAD UNLOAD shares its code with START STOP UNIT.
  { opcode: START_STOP_UNIT, timeout: 15 * MINUTE, type: PERIPHERAL_SEQUENTIAL_ACCESS },
  { opcode: REWIND, timeout: 4 * HOUR, type: PERIPHERAL_SEQUENTIAL_ACCESS },
  { opcode: SPACE_6, timeout: 4 * HOUR, type: PERIPHERAL_SEQUENTIAL_ACCESS },
  { opcode: SYNCHRONIZE_CACHE_16, timeout: 4 * HOUR, type: PERIPHERAL_SEQUENTIAL_ACCESS }, // SPACE(16)
  { opcode: SEEK_10, timeout: 4 * HOUR, type: PERIPHERAL_SEQUENTIAL_ACCESS }, // LOCATE(10)
  { opcode: LOCATE_16, timeout: 4 * HOUR, type: PERIPHERAL_SEQUENTIAL_ACCESS },
  { opcode: VERIFY_6, timeout: 4 * HOUR, type: PERIPHERAL_SEQUENTIAL_ACCESS },
  { opcode: ERASE_6, timeout: 4 * HOUR, type: PERIPHERAL_SEQUENTIAL_ACCESS },
  { opcode: ERASE_16, timeout: 4 * HOUR, type: PERIPHERAL_SEQUENTIAL_ACCESS },
  { opcode: WRITE_FILEMARKS_6, timeout: 15 * MINUTE, type: PERIPHERAL_SEQUENTIAL_ACCESS },
  { opcode: ATA_PASS_THROUGH_12, timeout: 2 * HOUR, type: PERIPHERAL_CD_DVD }, // BLANK
  { opcode: CLOSE_TRACK_SESSION, timeout: 20 * MINUTE, type: PERIPHERAL_CD_DVD },
  { opcode: REASSIGN_BLOCKS, timeout: HOUR, type: PERIPHERAL_MEDIUM_CHANGER }, // INITIALIZE ELEMENT STATUS
  { opcode: MOVE_MEDIUM, timeout: 15 * MINUTE, type: PERIPHERAL_MEDIUM_CHANGER },
  { opcode: EXCHANGE_MEDIUM, timeout: 15 * MINUTE, type: PERIPHERAL_MEDIUM_CHANGER },
];
/** Tapes retry and reposition within any command. */
const TAPE_TIMEOUT = 15 * MINUTE;

/**
 * Milliseconds that each command of a device may take, by operation code.
 * @param timeout of the usual ones, as configured; the longer ones of the table stay as they are unless it is longer still
 */
export function commandTimeouts(
  peripheralDeviceType: number,
  timeout = usual(peripheralDeviceType),
): readonly number[] {
  const timeouts = Array.from({ length: 256 }, () => timeout);
  for (const { opcode, timeout: longer, type = peripheralDeviceType } of ROWS)
    if (type === peripheralDeviceType) timeouts[opcode] = Math.max(timeouts[opcode] ?? 0, longer);
  return timeouts;
}

function usual(peripheralDeviceType: number): number {
  return peripheralDeviceType === PERIPHERAL_SEQUENTIAL_ACCESS ? TAPE_TIMEOUT : COMMAND_TIMEOUT;
}
