import type { DeviceOutcome, DeviceRequest, ScsiDevice } from "../../src/scsi/passthrough/scsi-device.ts";

interface Ending {
  status?: number;
  sense?: readonly number[];
  residual?: number;
  outcome?: DeviceOutcome;
}

/** A SCSI device whose commands end when the test says so. */
export class HandScsiDevice implements ScsiDevice {
  readonly kind = "hand";
  readonly description = "a device by hand";
  readonly queueDepth: number;
  readonly transferMaximum = 0x10000;
  /** Commands that it has, in the order in which they came. */
  readonly requests: DeviceRequest[] = [];
  readonly aborted: DeviceRequest[] = [];
  /** The most that it had at a time. */
  most = 0;
  resets: (() => void)[] = [];
  closed = false;

  constructor(queueDepth = 4) {
    this.queueDepth = queueDepth;
  }

  execute(request: DeviceRequest): void {
    this.requests.push(request);
    this.most = Math.max(this.most, this.requests.length);
  }

  abort(request: DeviceRequest): void {
    this.aborted.push(request);
  }

  reset(then: () => void): void {
    this.resets.push(then);
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** Ends one of its commands, the oldest unless told. */
  end({ status = 0, sense = [], residual = 0, outcome = "answered" }: Ending = {}, index = 0): void {
    const [request] = this.requests.splice(index, 1);
    if (request === undefined) throw new Error("the device has no command");
    request.outcome = outcome;
    request.status = status;
    request.sense.set(sense);
    request.senseLength = sense.length;
    request.residual = residual;
    request.deviceDone();
  }
}
