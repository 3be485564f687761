import { FORMAT_UNIT } from "../../../abi/scsi.ts";
import { LIST_TOO_SHORT, ParameterFault, wrongParameter } from "../../parameter-fault.ts";
import { good, invalidField } from "../../sense.ts";
import type { ScsiTask } from "../../task.ts";
import { cdb8 } from "../../task-access.ts";
import type { Disk } from "../disk.ts";
import { Erasing, mediumName } from "./erasing.ts";

const LONG_LIST = 0x20;
const FORMAT_DATA = 0x10;

// Parameter list header. [SBC-3] 5.3.2.2.
const SHORT_HEADER = 4;
const LONG_HEADER = 8;
const PROTECTION_FIELDS_USAGE = 0x07;
const FORMAT_OPTIONS_VALID = 0x80;
/** DPRY, DCRT, STPF, IP: judged only with FORMAT_OPTIONS_VALID. */
const FORMAT_OPTIONS = 0x78;
const INITIALIZATION_PATTERN = 0x08;
const IMMEDIATE = 0x02;
/** Obsolete DSP, and a vendor-specific bit. */
const UNUSED_OPTIONS = 0x05;
const LONG_PROTECTION = 3;
const SHORT_DEFECT_LIST_LENGTH = 2;
const LONG_DEFECT_LIST_LENGTH = 4;

// Initialization pattern descriptor. [SBC-3] 5.3.2.3.
const PATTERN_DESCRIPTOR = 4;
const SECURITY_INITIALIZE = 0x20;
const PATTERN_TYPE_DEFAULT = 0x00;
const PATTERN_TYPE_REPEAT = 0x01;

const ZEROS = Uint8Array.of(0);
const DEFAULT_OPTIONS: FormatOptions = { immediate: false, pattern: ZEROS };

/** What a parameter list asks for. */
interface FormatOptions {
  readonly immediate: boolean;
  readonly pattern: Uint8Array;
}

/** FORMAT UNIT. [SBC-3] 5.3. The medium has no defects to certify or reassign: formatting it means filling it. */
export function formatUnit(disk: Disk, task: ScsiTask) {
  const flags = cdb8(task, 1);
  const withList = (flags & FORMAT_DATA) !== 0;
  // Without a parameter list there is nothing for the other fields to be about.
  if (!withList && flags !== 0) return invalidField(task, 1);
  const options = withList ? takeOptions(disk, task, (flags & LONG_LIST) !== 0) : DEFAULT_OPTIONS;
  if (options instanceof ParameterFault) return options.refuse(task);
  const erasure = {
    opcode: FORMAT_UNIT,
    pattern: options.pattern,
    passes: 1,
    invert: false,
    unrestrictedExit: true,
    deallocate: options.pattern === ZEROS,
    medium: mediumName(disk.medium),
  } as const;
  Erasing.begin(disk, erasure, task.memory, options.immediate ? undefined : task);
  if (options.immediate) good(task);
}

/** The CDB has no length of the list: what came is what there is. */
function takeOptions(disk: Disk, task: ScsiTask, isLong: boolean): FormatOptions | ParameterFault {
  task.dataOutCount = Math.max(isLong ? LONG_HEADER : SHORT_HEADER, task.dataOutLength);
  const list = task.memory.u8.slice(task.buffer, task.buffer + task.dataOutLength);
  return parseFormatOptions(list, isLong, disk.medium.blockSize);
}

/** Reads a FORMAT UNIT parameter list. [SBC-3] 5.3.2. */
export function parseFormatOptions(
  list: Uint8Array,
  isLong: boolean,
  blockSize: number,
): FormatOptions | ParameterFault {
  const header = isLong ? LONG_HEADER : SHORT_HEADER;
  if (list.length < header) return LIST_TOO_SHORT;
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  const [first = 0, options = 0] = list;
  if ((first & PROTECTION_FIELDS_USAGE) !== 0) return wrongParameter(0, 2);
  if ((options & UNUSED_OPTIONS) !== 0) return wrongParameter(1);
  if ((options & FORMAT_OPTIONS_VALID) === 0 && (options & FORMAT_OPTIONS) !== 0) return wrongParameter(1, 7);
  if (isLong && list[LONG_PROTECTION] !== 0) return wrongParameter(LONG_PROTECTION);
  const defects = isLong ? view.getUint32(LONG_DEFECT_LIST_LENGTH) : view.getUint16(SHORT_DEFECT_LIST_LENGTH);
  // A list of defects would be of blocks that a store does not have.
  if (defects !== 0) return wrongParameter(isLong ? LONG_DEFECT_LIST_LENGTH : SHORT_DEFECT_LIST_LENGTH);
  const immediate = (options & IMMEDIATE) !== 0;
  if ((options & INITIALIZATION_PATTERN) === 0) return { immediate, pattern: ZEROS };
  const pattern = parsePattern(view, header, blockSize);
  return pattern instanceof ParameterFault ? pattern : { immediate, pattern };
}

/** The pattern of an initialization pattern descriptor at `at`. [SBC-3] 5.3.2.3. */
function parsePattern(list: DataView, at: number, blockSize: number): Uint8Array | ParameterFault {
  const begin = at + PATTERN_DESCRIPTOR;
  if (list.byteLength < begin) return LIST_TOO_SHORT;
  const type = list.getUint8(at + 1);
  const length = list.getUint16(at + 2);
  // SI asks for areas that only a device with spare blocks has; the pattern modifier is obsolete.
  if ((list.getUint8(at) & ~SECURITY_INITIALIZE) !== 0) return wrongParameter(at, 7);
  if (type === PATTERN_TYPE_DEFAULT) return length === 0 ? ZEROS : wrongParameter(at + 2);
  if (type !== PATTERN_TYPE_REPEAT) return wrongParameter(at + 1);
  if (length === 0 || length > blockSize) return wrongParameter(at + 2);
  if (list.byteLength < begin + length) return LIST_TOO_SHORT;
  return new Uint8Array(list.buffer, list.byteOffset + begin, length).slice();
}
