import type { Clock } from "../../core/clock.ts";
import type { DeviceServer } from "../device-server.ts";
import { answerWith, checkCondition, good, PARAMETER_LIST_LENGTH_ERROR, TIMESTAMP_CHANGED } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb32, dataOut } from "../task-access.ts";

// TIMESTAMP ORIGIN. [SPC-4] 5.17.
const COUNTS_FROM_POWER_ON = 0;
const SET_BY_COMMAND = 2;
const TWO_TO_32 = 0x1_0000_0000;
const PARAMETER_LENGTH = 12;
/** Where the 48-bit timestamp stands, in milliseconds. */
const TIMESTAMP = 4;

/** The timestamp of one logical unit: milliseconds since power on, until an initiator sets it. [SPC-4] 5.17. */
export class Timestamp {
  readonly #clock: Clock;
  /** What is added to the clock. */
  #offset: number;
  origin = COUNTS_FROM_POWER_ON;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offset = -clock.now();
  }

  get milliseconds(): number {
    return Math.floor(this.#clock.now() + this.#offset);
  }

  set(milliseconds: number): void {
    this.#offset = milliseconds - this.#clock.now();
    this.origin = SET_BY_COMMAND;
  }
}

/** REPORT TIMESTAMP. [SPC-4] 6.38. */
export function reportTimestamp({ timestamp }: DeviceServer, task: ScsiTask) {
  const now = timestamp.milliseconds;
  const data = new DataView(new ArrayBuffer(PARAMETER_LENGTH));
  data.setUint16(0, PARAMETER_LENGTH - 2);
  data.setUint8(2, timestamp.origin);
  data.setUint16(TIMESTAMP, Math.floor(now / TWO_TO_32));
  data.setUint32(TIMESTAMP + 2, now % TWO_TO_32);
  answerWith(task, new Uint8Array(data.buffer), cdb32(task, 6));
}

/** SET TIMESTAMP. [SPC-4] 6.47. */
export function setTimestamp(unit: DeviceServer, task: ScsiTask) {
  const length = cdb32(task, 6);
  task.dataOutCount = length;
  if (length === 0) return good(task);
  if (length !== PARAMETER_LENGTH || task.dataOutLength < length)
    return checkCondition(task, PARAMETER_LIST_LENGTH_ERROR);
  const list = dataOut(task, length);
  unit.timestamp.set(list.getUint16(TIMESTAMP) * TWO_TO_32 + list.getUint32(TIMESTAMP + 2));
  unit.attention(TIMESTAMP_CHANGED, task.nexus);
  good(task);
}
