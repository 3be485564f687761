import { PERIPHERAL_OPTICAL_MEMORY } from "../../abi/passthrough.ts";
import {
  INQUIRY,
  PERIPHERAL_CD_DVD,
  PERIPHERAL_DIRECT_ACCESS,
  READ_CAPACITY_10,
  READ_CAPACITY_16,
  SERVICE_ACTION_IN_16,
  STATUS_CHECK_CONDITION,
  STATUS_GOOD,
  VPD_UNIT_SERIAL_NUMBER,
} from "../../abi/scsi.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import type { Identity } from "../identity.ts";
import { TASK_SIMPLE } from "../task.ts";
import { DeviceError } from "./device-error.ts";
import { unitAttentionIn } from "./received-sense.ts";
import { type DeviceOutcome, type DeviceRequest, DIRECTION_FROM_DEVICE, type ScsiDevice } from "./scsi-device.ts";

/** What a device says of itself when it is opened. */
export interface DeviceProfile {
  readonly peripheralDeviceType: number;
  readonly identity: Identity;
  /** VERSION up to SCSI-2: bits 7 to 5 of byte 1 of a CDB are a LUN. */
  readonly oldLun: boolean;
  /** Capacity and block size in bytes; 0 where there is no medium, or none that has one. */
  readonly size: number;
  readonly blockSize: number;
}

const TIMEOUT = 10_000;
/** A device may have as many unit attentions to tell before it answers. */
const TRIES = 4;
const INQUIRY_LENGTH = 36;
const PAGE_LENGTH = 252;
const CAPACITY_LENGTH = 32;
const REGION = 512;
const CDB_ROOM = 16;
const QUALIFIER = 0xe0;
const TYPE = 0x1f;
const VERSION_SCSI_2 = 2;
/** READ CAPACITY(10) of a device that has more blocks than it can tell. [SBC-3] 5.15. */
const TOO_MANY = 0xffff_ffff;
const WITH_CAPACITY = new Set([PERIPHERAL_DIRECT_ACCESS, PERIPHERAL_CD_DVD, PERIPHERAL_OPTICAL_MEMORY]);

/** Asks a device who it is. @throws DeviceError when it does not answer, or nothing stands there */
export async function readProfile(device: ScsiDevice, memory: SharedMemory): Promise<DeviceProfile> {
  const region = memory.allocate(REGION);
  const ask = (cdb: readonly number[], length: number) => askDevice(device, memory, region, cdb, length);
  try {
    const inquiry = await ask([INQUIRY, 0, 0, 0, INQUIRY_LENGTH, 0], INQUIRY_LENGTH);
    const answer = inquiry.data;
    if (answer === undefined) throw new DeviceError(`${device.description}: does not answer INQUIRY: ${inquiry.why}`);
    const [first = 0, , version = 0] = answer;
    if ((first & QUALIFIER) !== 0)
      throw new DeviceError(`${device.description}: says that no logical unit stands there`, "ENODEV");
    const peripheralDeviceType = first & TYPE;
    const serial = (await ask([INQUIRY, 1, VPD_UNIT_SERIAL_NUMBER, 0, PAGE_LENGTH, 0], PAGE_LENGTH)).data;
    const capacity = WITH_CAPACITY.has(peripheralDeviceType) ? await readCapacity(ask) : { size: 0, blockSize: 0 };
    const text = (at: number, length: number) => textOf(answer.subarray(at, at + length));
    return {
      peripheralDeviceType,
      identity: { vendor: text(8, 8), product: text(16, 16), revision: text(32, 4), serial: serialOf(serial) },
      oldLun: version <= VERSION_SCSI_2,
      ...capacity,
    };
  } finally {
    memory.free(region, REGION);
  }
}

interface Answer {
  /** Undefined when the device gave none. */
  readonly data: Uint8Array | undefined;
  /** What it gave instead. */
  readonly why: string;
}

type Ask = (cdb: readonly number[], length: number) => Promise<Answer>;

/** Repeats a command while the device has something else to tell first. */
async function askDevice(
  device: ScsiDevice,
  memory: SharedMemory,
  region: number,
  cdb: readonly number[],
  length: number,
): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const request = new Question(memory, region, cdb, length);
    await request.ask(device);
    const { outcome, status, sense, senseLength, residual, reason = outcome } = request;
    if (outcome === "answered" && status === STATUS_GOOD) {
      const from = region + CDB_ROOM;
      return { data: memory.u8.slice(from, from + Math.max(length - residual, 0)), why: "" };
    }
    const told = outcome === "answered" && status === STATUS_CHECK_CONDITION;
    const attention = told && unitAttentionIn(sense, senseLength) !== undefined;
    if (!attention || tries === TRIES)
      return { data: undefined, why: outcome === "answered" ? `status 0x${status.toString(16)}` : reason };
  }
}

/** A command of ours. */
class Question implements DeviceRequest {
  readonly cdbOffset: number;
  readonly cdbLength: number;
  readonly direction = DIRECTION_FROM_DEVICE;
  readonly dataOffset: number;
  readonly dataLength: number;
  readonly timeout = TIMEOUT;
  readonly attribute = TASK_SIMPLE;
  outcome: DeviceOutcome = "answered";
  status = 0;
  readonly sense = new Uint8Array(252);
  senseLength = 0;
  residual = 0;
  reason: string | undefined;
  deviceDone: () => void = () => {};

  constructor(memory: SharedMemory, region: number, cdb: readonly number[], length: number) {
    this.cdbOffset = region;
    this.cdbLength = cdb.length;
    this.dataOffset = region + CDB_ROOM;
    this.dataLength = length;
    memory.u8.set(cdb, region);
    memory.u8.fill(0, this.dataOffset, this.dataOffset + length);
  }

  ask(device: ScsiDevice): Promise<void> {
    return new Promise((resolve) => {
      this.deviceDone = resolve;
      device.execute(this);
    });
  }
}

async function readCapacity(ask: Ask): Promise<{ size: number; blockSize: number }> {
  const short = await ask([READ_CAPACITY_10, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8);
  if (short.data === undefined || short.data.length < 8) return { size: 0, blockSize: 0 };
  const view = viewOf(short.data);
  const [last, blockSize] = [view.getUint32(0), view.getUint32(4)];
  if (last !== TOO_MANY) return { size: (last + 1) * blockSize, blockSize };
  const cdb = [SERVICE_ACTION_IN_16, READ_CAPACITY_16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, CAPACITY_LENGTH, 0, 0];
  const long = await ask(cdb, CAPACITY_LENGTH);
  if (long.data === undefined || long.data.length < 12) return { size: 0, blockSize };
  return { size: (Number(viewOf(long.data).getBigUint64(0)) + 1) * blockSize, blockSize };
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

function serialOf(page: Uint8Array | undefined): string {
  if (page === undefined || page[1] !== VPD_UNIT_SERIAL_NUMBER) return "";
  return textOf(page.subarray(4, 4 + (page[3] ?? 0)));
}

/** Printable characters of what a device says, for status and logs. */
function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.filter((byte) => byte >= 0x20 && byte < 0x7f)).trim();
}
