import { ascii } from "../ascii.ts";
import type { DeviceServer } from "../device-server.ts";
import {
  answerWith,
  COMMAND_SEQUENCE_ERROR,
  checkCondition,
  good,
  invalidField,
  PARAMETER_LIST_LENGTH_ERROR,
} from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16, dataOut } from "../task-access.ts";

// MODE of READ BUFFER and WRITE BUFFER. [SPC-4] 6.15, 6.49. Microcode can't be changed by a command.
const MODE_MASK = 0x1f;
const DATA = 0x02;
const DESCRIPTOR = 0x03;
const ECHO_DATA = 0x0a;
const ECHO_DESCRIPTOR = 0x0b;
const ERROR_HISTORY = 0x1c;

const BUFFER_ID = 2;
const OFFSET = 3;
const LENGTH = 6;
/** The one data buffer, identifier 0. */
const CAPACITY = 0x1_0000;
const ECHO_CAPACITY = 0x1000;
/** OFFSET BOUNDARY: any byte. */
const ANY_OFFSET = 0;

/** The data buffer and the echo buffer of one logical unit, made when they are first written. */
export class UnitBuffers {
  #data: Uint8Array | undefined;
  /** What the last WRITE BUFFER of a nexus left in the echo buffer. */
  echo: Uint8Array | undefined;

  get data(): Uint8Array {
    this.#data ??= new Uint8Array(CAPACITY);
    return this.#data;
  }
}

/** READ BUFFER. [SPC-4] 6.15. */
export function readBuffer(unit: DeviceServer, task: ScsiTask) {
  const reader = READERS.get(cdb8(task, 1) & MODE_MASK);
  if (reader === undefined) return invalidField(task, 1, 4);
  const data = reader(unit, task);
  if (data !== undefined) answerWith(task, data, field24(task, LENGTH));
}

/** What reads a buffer; one that returns undefined has ended the task. */
type Reader = (unit: DeviceServer, task: ScsiTask) => Uint8Array | undefined;

const READERS: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [DATA, readData],
  [DESCRIPTOR, bufferDescriptor],
  [ECHO_DATA, readEcho],
  [ECHO_DESCRIPTOR, () => Uint8Array.from([0, 0, ECHO_CAPACITY >> 8, ECHO_CAPACITY & 0xff])],
  [ERROR_HISTORY, errorHistory],
]);

function readData({ buffers }: DeviceServer, task: ScsiTask): Uint8Array | undefined {
  const offset = field24(task, OFFSET);
  return rightBuffer(task) && rightOffset(task, offset, 0) ? buffers.data.subarray(offset) : undefined;
}

/** A buffer that is not there has a capacity of zero. [SPC-4] 6.15.4. */
function bufferDescriptor(_unit: DeviceServer, task: ScsiTask): Uint8Array {
  const capacity = cdb8(task, BUFFER_ID) === 0 ? CAPACITY : 0;
  return Uint8Array.from([ANY_OFFSET, capacity >> 16, (capacity >> 8) & 0xff, capacity & 0xff]);
}

function readEcho({ buffers }: DeviceServer, task: ScsiTask): Uint8Array | undefined {
  if (buffers.echo === undefined) checkCondition(task, COMMAND_SEQUENCE_ERROR);
  return buffers.echo;
}

/** Error history directory without an entry: the log of the daemon is elsewhere. [SPC-4] 6.15.9. */
function errorHistory({ identity }: DeviceServer, task: ScsiTask): Uint8Array | undefined {
  const VENDOR_LENGTH = 8;
  const HEADER = 32;
  const VERSION = 1;
  if (!rightBuffer(task)) return undefined;
  const data = new Uint8Array(HEADER);
  data.set(ascii(identity.vendor, VENDOR_LENGTH));
  data[VENDOR_LENGTH] = VERSION;
  return data;
}

/** WRITE BUFFER: data and echo buffer. [SPC-4] 6.49. */
export function writeBuffer(unit: DeviceServer, task: ScsiTask) {
  const mode = cdb8(task, 1) & MODE_MASK;
  const length = field24(task, LENGTH);
  const offset = field24(task, OFFSET);
  task.dataOutCount = length;
  if (mode !== DATA && mode !== ECHO_DATA) return invalidField(task, 1, 4);
  if (mode === DATA && !(rightBuffer(task) && rightOffset(task, offset, length))) return;
  if (mode === ECHO_DATA && length > ECHO_CAPACITY) return invalidField(task, LENGTH);
  if (task.dataOutLength < length) return checkCondition(task, PARAMETER_LIST_LENGTH_ERROR);
  const written = new Uint8Array(dataOut(task, length).buffer);
  if (mode === DATA) unit.buffers.data.set(written, offset);
  else unit.buffers.echo = written;
  good(task);
}

/** Ends the task and returns false when the CDB names another buffer than the one that is there. */
function rightBuffer(task: ScsiTask): boolean {
  if (cdb8(task, BUFFER_ID) === 0) return true;
  invalidField(task, BUFFER_ID);
  return false;
}

function rightOffset(task: ScsiTask, offset: number, length: number): boolean {
  if (offset + length <= CAPACITY) return true;
  invalidField(task, offset > CAPACITY ? OFFSET : LENGTH);
  return false;
}

function field24(task: ScsiTask, at: number): number {
  return cdb8(task, at) * 0x1_0000 + cdb16(task, at + 1);
}
