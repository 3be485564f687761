import { SANITIZE } from "../../../abi/scsi.ts";
import { checkCondition, good, invalidField, invalidParameter, PARAMETER_LIST_LENGTH_ERROR } from "../../sense.ts";
import type { ScsiTask } from "../../task.ts";
import { cdb8, cdb16 } from "../../task-access.ts";
import type { Disk } from "../disk.ts";
import { Erasing, mediumName } from "./erasing.ts";
import type { Erasure } from "./erasure.ts";

const IMMEDIATE = 0x80;
/** ALLOW UNRESTRICTED SANITIZE EXIT. */
const UNRESTRICTED_EXIT = 0x20;
const PARAMETER_LIST_LENGTH = 7;

// Parameter list of OVERWRITE. [SBC-3] 5.21.2.
const HEADER = 4;
const INVERT = 0x80;
const TEST = 0x60;
const OVERWRITE_COUNT = 0x1f;
const PATTERN_LENGTH = 2;

const ZEROS = Uint8Array.of(0);

/** SANITIZE, OVERWRITE. [SBC-3] 5.21.2. */
export function sanitizeOverwrite(disk: Disk, task: ScsiTask) {
  const length = cdb16(task, PARAMETER_LIST_LENGTH);
  const { blockSize } = disk.medium;
  if (length <= HEADER || length > blockSize + HEADER) return invalidField(task, PARAMETER_LIST_LENGTH);
  task.dataOutCount = length;
  if (task.dataOutLength < length) return checkCondition(task, PARAMETER_LIST_LENGTH_ERROR);
  const list = task.memory.u8.slice(task.buffer, task.buffer + length);
  const [flags = 0, reserved = 0] = list;
  const patternLength = new DataView(list.buffer).getUint16(PATTERN_LENGTH);
  if ((flags & TEST) !== 0) return invalidParameter(task, 0, 6);
  if ((flags & OVERWRITE_COUNT) === 0) return invalidParameter(task, 0, 4);
  if (reserved !== 0) return invalidParameter(task, 1);
  if (patternLength === 0 || patternLength > blockSize) return invalidParameter(task, PATTERN_LENGTH);
  if (HEADER + patternLength > length) return checkCondition(task, PARAMETER_LIST_LENGTH_ERROR);
  begin(disk, task, {
    pattern: list.slice(HEADER, HEADER + patternLength),
    passes: flags & OVERWRITE_COUNT,
    invert: (flags & INVERT) !== 0,
    deallocate: false,
  });
}

/**
 * SANITIZE, BLOCK ERASE and CRYPTOGRAPHIC ERASE. [SBC-3] 5.21.3, 5.21.4. No store of ours holds a key to forget, so that
 * both make the data unreadable by letting go of the blocks, or writing zeros to them.
 */
export function sanitizeErase(disk: Disk, task: ScsiTask) {
  begin(disk, task, { pattern: ZEROS, passes: 1, invert: false, deallocate: true });
}

/** SANITIZE, EXIT FAILURE MODE. [SBC-3] 5.21.5: only what allowed it at its start is left so. */
export function sanitizeExitFailureMode(disk: Disk, task: ScsiTask) {
  const failure = failedSanitize(disk);
  if (failure !== undefined) {
    if (!failure.erasure.unrestrictedExit) return invalidField(task, 1, 4);
    failure.leaveFailureMode();
  }
  good(task);
}

function begin(disk: Disk, task: ScsiTask, what: Pick<Erasure, "pattern" | "passes" | "invert" | "deallocate">) {
  const flags = cdb8(task, 1);
  const unrestrictedExit = (flags & UNRESTRICTED_EXIT) !== 0;
  // What failed in the restricted completion mode cannot be made unrestricted by trying again. [SBC-3] 4.11.4.
  if (unrestrictedExit && failedSanitize(disk)?.erasure.unrestrictedExit === false) return invalidField(task, 1, 5);
  const erasure: Erasure = { opcode: SANITIZE, unrestrictedExit, medium: mediumName(disk.medium), ...what };
  const immediate = (flags & IMMEDIATE) !== 0;
  Erasing.begin(disk, erasure, task.memory, immediate ? undefined : task);
  if (immediate) good(task);
}

function failedSanitize({ occupation }: Disk): Erasing | undefined {
  return occupation instanceof Erasing && occupation.failed && occupation.erasure.opcode === SANITIZE
    ? occupation
    : undefined;
}
