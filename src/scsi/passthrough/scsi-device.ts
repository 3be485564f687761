/** Where the data of a command go. [SAM-5] 5.4.2. */
export const DIRECTION_NONE = 0;
/** Data-in: from the device to linear memory. */
export const DIRECTION_FROM_DEVICE = 1;
/** Data-out: from linear memory to the device. */
export const DIRECTION_TO_DEVICE = 2;

/** How a command left a device: with a status of its own, or without one. */
export type DeviceOutcome =
  /** The device has answered: `status`, `sense` and `residual` are its own. */
  | "answered"
  /** No answer within `timeout`; the command is not with the device any more. */
  | "timed out"
  /** It was aborted by `abort` or `reset`. */
  | "aborted"
  /** The way to the device can't take the command now: it may be sent again. */
  | "busy"
  /** There is no way to the device any more, or it was lost under the command: the command may have been executed. */
  | "lost"
  /** The host refuses the command itself: malformed for it, or not allowed to this process. */
  | "refused";

/**
 * One command to a real device, and its end. A unit owns it and uses it again for the next one; the device keeps nothing of
 * it after `deviceDone`. Addresses are those of the shared linear memory.
 */
export interface DeviceRequest {
  /** The CDB, complete, at this address. */
  cdbOffset: number;
  cdbLength: number;
  /** DIRECTION_NONE, DIRECTION_FROM_DEVICE or DIRECTION_TO_DEVICE. */
  direction: number;
  dataOffset: number;
  dataLength: number;
  /** Milliseconds. */
  timeout: number;
  /** Task attribute as in `ScsiTask`, for devices whose transport can tell it. */
  attribute: number;

  outcome: DeviceOutcome;
  status: number;
  /** As the device gave them, whatever their format: the first `senseLength` bytes. */
  readonly sense: Uint8Array;
  senseLength: number;
  /** Bytes of `dataLength` that were not transferred, 0 to `dataLength`. */
  residual: number;
  /** Why, for the log, when `outcome` is not "answered". */
  reason: string | undefined;
  /** Called once, when the outcome stands. */
  deviceDone(): void;
}

/** A real SCSI device, to which a pass-through unit hands its commands as they are: by SG_IO, over iSCSI. */
export interface ScsiDevice {
  /** "sg", "iscsi": for logs and status. */
  readonly kind: string;
  /** Where it is, for people: "/dev/sg0", "iscsi://127.0.0.1:3260/iqn.2001-04.com.example:disk/1". */
  readonly description: string;
  /** Commands that may be with it at a time, at least 1: the unit holds back the others. */
  readonly queueDepth: number;
  /** Bytes that one command may transfer. */
  readonly transferMaximum: number;
  /** Begins a command. `request.deviceDone()` follows once, within `request.timeout` and a moment, never from within the call. */
  execute(request: DeviceRequest): void;
  /** The command shall end soon, as "aborted" unless it has ended by then. Its `deviceDone` still follows. */
  abort(request: DeviceRequest): void;
  /** LOGICAL UNIT RESET where the way to the device has one; every command ends. `then` follows when that has been done or given up. */
  reset(then: () => void): void;
  /** Lets go of the device. Commands that are still with it, since they did not end when aborted, end as "aborted". */
  close(): Promise<void>;
}
