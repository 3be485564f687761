import { INQUIRY, STATUS_GOOD, VPD_DEVICE_IDENTIFICATION } from "../../abi/scsi.ts";
import type { Clock } from "../../core/clock.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { type DeviceOutcome, type DeviceRequest, DIRECTION_FROM_DEVICE } from "../../scsi/passthrough/scsi-device.ts";
import { TASK_HEAD_OF_QUEUE } from "../../scsi/task.ts";
import { Command, INDEX_MAXIMUM } from "./command.ts";
import { ConnectError } from "./connect.ts";
import type { Session } from "./session.ts";

/** What tells one logical unit from another. */
export interface DeviceIdentity {
  /** [SPC-4] 6.6.2. */
  readonly peripheralDeviceType: number;
  /** Vendor and product; a revision may change. */
  readonly product: string;
  /** Designators of the unit itself, as they are; "" where it has none. */
  readonly designators: string;
}

const CDB_LENGTH = 6;
const CDB_ROOM = 16;
const INQUIRY_LENGTH = 36;
const PAGE_LENGTH = 1024;
const REGION = CDB_ROOM + PAGE_LENGTH;
const SENSE_LENGTH = 18;
/** PERIPHERAL QUALIFIER of a LUN where nothing is. [SPC-4] 6.6.2. */
const QUALIFIER_MASK = 0xe0;
const TYPE_MASK = 0x1f;
const EVPD = 1;
const PAGE_HEADER = 4;
const DESIGNATOR_HEADER = 4;
const ASSOCIATION_SHIFT = 4;
const ASSOCIATION_MASK = 3;

/**
 * Asks the logical unit of a new session who it is. INQUIRY passes unit attention conditions by: those that the session
 * brings are still there for the client. [SAM-5] 5.14.
 * @param patience milliseconds for each of two commands
 * @throws ConnectError
 */
export async function identify(
  session: Session,
  memory: SharedMemory,
  clock: Clock,
  patience: number,
): Promise<DeviceIdentity> {
  const region = memory.allocate(REGION);
  const asker = { session, memory, clock, region, patience };
  try {
    const inquiry = await ask(asker, [0, 0], INQUIRY_LENGTH);
    const first = inquiry?.[0] ?? QUALIFIER_MASK;
    if (inquiry === undefined || (first & QUALIFIER_MASK) !== 0)
      throw new ConnectError("the target has no logical unit at this LUN");
    const page = await ask(asker, [EVPD, VPD_DEVICE_IDENTIFICATION], PAGE_LENGTH);
    return {
      peripheralDeviceType: first & TYPE_MASK,
      product: inquiry.subarray(8, 32).toString("latin1"),
      designators: unitDesignators(page ?? Buffer.alloc(0)),
    };
  } finally {
    memory.free(region, REGION);
  }
}

/** An INQUIRY of ours. */
class Question implements DeviceRequest {
  readonly cdbOffset: number;
  readonly cdbLength = CDB_LENGTH;
  readonly direction = DIRECTION_FROM_DEVICE;
  readonly dataOffset: number;
  readonly dataLength: number;
  readonly timeout: number;
  readonly attribute = TASK_HEAD_OF_QUEUE;
  outcome: DeviceOutcome = "lost";
  status = 0;
  readonly sense = new Uint8Array(SENSE_LENGTH);
  senseLength = 0;
  residual = 0;
  reason: string | undefined;
  deviceDone(): void {}

  constructor(region: number, length: number, timeout: number) {
    this.cdbOffset = region;
    this.dataOffset = region + CDB_ROOM;
    this.dataLength = length;
    this.timeout = timeout;
  }
}

interface Asker {
  readonly session: Session;
  readonly memory: SharedMemory;
  readonly clock: Clock;
  readonly region: number;
  readonly patience: number;
}

/** @returns what the device answers; undefined when it has no such answer. @throws ConnectError */
function ask(
  { session, memory, clock, region, patience }: Asker,
  [evpd, page]: readonly [number, number],
  length: number,
): Promise<Buffer | undefined> {
  memory.u8.set([INQUIRY, evpd, page, length >> 8, length & 0xff, 0], region);
  const question = new Question(region, length, patience);
  const command = new Command(INDEX_MAXIMUM, question);
  command.inLength = length;
  return new Promise((resolve, reject) => {
    if (session.ended) return reject(new ConnectError("the session was lost at once"));
    const cancel = clock.after(patience, () => session.lose(`no answer to INQUIRY within ${patience} ms`));
    session.owner = {
      ended() {
        cancel();
        const got = Math.max(0, length - question.residual);
        if (question.outcome !== "answered") reject(new ConnectError(question.reason ?? question.outcome));
        else if (question.status !== STATUS_GOOD) resolve(undefined);
        else resolve(Buffer.from(memory.u8.slice(question.dataOffset, question.dataOffset + got)));
      },
      widened() {},
      unitReset() {},
      lost(_session, reason) {
        cancel();
        reject(new ConnectError(reason));
      },
    };
    session.send(command);
  });
}

/** Those of a Device Identification page that are the unit's and not its port's, in hexadecimal. [SPC-4] 7.8.6. */
function unitDesignators(page: Buffer): string {
  let found = "";
  if (page.length < PAGE_HEADER || page[1] !== VPD_DEVICE_IDENTIFICATION) return found;
  const end = Math.min(page.length, PAGE_HEADER + page.readUInt16BE(2));
  for (let at = PAGE_HEADER; at + DESIGNATOR_HEADER <= end; ) {
    const next = at + DESIGNATOR_HEADER + (page[at + 3] ?? 0);
    const association = ((page[at + 1] ?? 0) >> ASSOCIATION_SHIFT) & ASSOCIATION_MASK;
    if (association === 0) found += `${page.toString("hex", at, Math.min(next, end))} `;
    at = next;
  }
  return found;
}
