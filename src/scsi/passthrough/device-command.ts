import type { ScsiTask } from "../task.ts";
import {
  type DeviceOutcome,
  type DeviceRequest,
  DIRECTION_FROM_DEVICE,
  DIRECTION_NONE,
  DIRECTION_TO_DEVICE,
} from "./scsi-device.ts";

/** As much as SPC allows sense data to be. [SPC-4] 4.5.1. */
const SENSE_LENGTH_MAXIMUM = 252;

/** Takes a command that has ended, and asks for one that shall. */
interface CommandOwner {
  commandDone(command: DeviceCommand): void;
  abortCommand(command: DeviceCommand): void;
}

/** One task on its way to the device and back; used again for the next one. */
export class DeviceCommand implements DeviceRequest {
  readonly #owner: CommandOwner;
  /** The task; undefined while it is idle. */
  task: ScsiTask | undefined;
  cdbOffset = 0;
  cdbLength = 0;
  direction = DIRECTION_NONE;
  dataOffset = 0;
  dataLength = 0;
  timeout = 0;
  attribute = 0;
  outcome: DeviceOutcome = "answered";
  status = 0;
  readonly sense = new Uint8Array(SENSE_LENGTH_MAXIMUM);
  senseLength = 0;
  residual = 0;
  reason: string | undefined;
  /** Its task is aborted. */
  readonly leave = () => this.#owner.abortCommand(this);

  constructor(owner: CommandOwner) {
    this.#owner = owner;
  }

  /** Takes a task over. @param buffer where its data are to be, or stand */
  begin(task: ScsiTask, cdbLength: number, buffer: number, timeout: number): void {
    this.task = task;
    this.cdbOffset = task.cdbOffset;
    this.cdbLength = cdbLength;
    this.direction =
      task.dataOutLength > 0 ? DIRECTION_TO_DEVICE : task.dataInLength > 0 ? DIRECTION_FROM_DEVICE : DIRECTION_NONE;
    this.dataOffset = buffer;
    this.dataLength = task.dataOutLength + task.dataInLength;
    this.timeout = timeout;
    this.attribute = task.attribute;
    this.outcome = "answered";
    this.status = 0;
    this.senseLength = 0;
    this.residual = 0;
    this.reason = undefined;
  }

  deviceDone(): void {
    this.#owner.commandDone(this);
  }
}
