import { SANITIZE } from "../../../abi/scsi.ts";
import type { SharedMemory } from "../../../core/shared-memory.ts";
import { STORE_DONE } from "../../block-store.ts";
import type { Command } from "../../command.ts";
import type { Medium } from "../../medium.ts";
import type { Occupation } from "../../occupation.ts";
import {
  checkCondition,
  FORMAT_COMMAND_FAILED,
  FORMAT_IN_PROGRESS,
  failTask,
  good,
  SANITIZE_COMMAND_FAILED,
  SANITIZE_IN_PROGRESS,
  type Sense,
} from "../../sense.ts";
import type { ScsiTask } from "../../task.ts";
import type { Disk } from "../disk.ts";
import { decodeRecord, type Erasure, encodeRecord } from "./erasure.ts";
import { Fill } from "./fill.ts";

/** Under which name a unit's state keeps an unfinished or failed erasure; nothing when there is none. */
const STATE_NAME = "erasure";
const NO_RECORD = new Uint8Array();

/** Tells one medium from another across restarts. */
export function mediumName({ store, size }: Medium): string {
  return `${store.kind} ${store.description} ${size}`;
}

/**
 * A SANITIZE or FORMAT UNIT that has the disk. Nothing but its success frees the disk: neither an abort of the command,
 * nor a reset, nor the loss of the nexus or a restart of the daemon, after which it begins anew. [SBC-3] 4.11.
 */
export class Erasing implements Occupation {
  readonly erasure: Erasure;
  readonly #disk: Disk;
  readonly #fill: Fill;
  #failed = false;
  /** The command, while it waits for the end. */
  #task: ScsiTask | undefined;

  private constructor(disk: Disk, erasure: Erasure, memory: SharedMemory) {
    this.erasure = erasure;
    this.#disk = disk;
    const { medium, clock, eraseRate, thin } = disk;
    const provisioning = thin ? medium.store.provisioning : undefined;
    const options = { medium, memory, clock, bytesPerSecond: eraseRate, provisioning };
    this.#fill = new Fill(options, erasure, (result) => this.#end(result));
  }

  /** Takes the disk, lets what is under way end and begins. @param task waits for the end, unless it was IMMED */
  static begin(disk: Disk, erasure: Erasure, memory: SharedMemory, task?: ScsiTask): void {
    const erasing = new Erasing(disk, erasure, memory);
    erasing.#save({ erasure, failed: false });
    disk.occupation = erasing;
    disk.log.info({ unit: disk.identity.serial, opcode: erasure.opcode, passes: erasure.passes }, "erasing the medium");
    disk.taskSet.whenIdle(() => erasing.#fill.start());
    if (task !== undefined) erasing.#hold(task);
  }

  /** Takes up what a former daemon left: unfinished, or failed. A record of another medium is put away. */
  static resume(disk: Disk, memory: SharedMemory): void {
    const bytes = disk.state?.load(STATE_NAME);
    if (bytes === undefined || bytes.length === 0) return;
    const record = decodeRecord(bytes, disk.medium.blockSize);
    if (record === undefined || record.erasure.medium !== mediumName(disk.medium)) {
      disk.log.warn({ unit: disk.identity.serial }, "an unfinished erasure is of another medium: it is not taken up");
      disk.state?.save(STATE_NAME, NO_RECORD);
      return;
    }
    if (!record.failed) return Erasing.begin(disk, record.erasure, memory);
    const erasing = new Erasing(disk, record.erasure, memory);
    erasing.#failed = true;
    disk.occupation = erasing;
  }

  get failed(): boolean {
    return this.#failed;
  }

  get progress(): number | undefined {
    return this.#failed ? undefined : this.#fill.progress;
  }

  get condition(): Sense {
    return this.#isSanitize
      ? this.#failed
        ? SANITIZE_COMMAND_FAILED
        : SANITIZE_IN_PROGRESS
      : this.#failed
        ? FORMAT_COMMAND_FAILED
        : FORMAT_IN_PROGRESS;
  }

  /** [SBC-3] 4.11.3, 4.11.4: INQUIRY, REPORT LUNS and REQUEST SENSE always; in failure mode, what may lead out of it. */
  refusalOf(command: Command): Sense | undefined {
    if (command.passesUnitAttention) return undefined;
    if (!this.#failed) return this.condition;
    if (command.opcode === SANITIZE) return undefined;
    if (this.#isSanitize) return SANITIZE_COMMAND_FAILED;
    // A format that failed leaves a unit that can be asked and formatted again, but not used. [SBC-3] 4.33.
    return command.opcode === this.erasure.opcode || command.whenNotReady ? undefined : FORMAT_COMMAND_FAILED;
  }

  /** EXIT FAILURE MODE: the disk is as after a success. */
  leaveFailureMode(): void {
    this.#disk.occupation = undefined;
    this.#save(undefined);
  }

  stop(): Promise<void> {
    return this.#failed ? Promise.resolve() : this.#fill.stop();
  }

  get #isSanitize(): boolean {
    return this.erasure.opcode === SANITIZE;
  }

  #hold(task: ScsiTask): void {
    this.#task = task;
    // Aborting the command does not end the operation. [SBC-3] 4.11.2.
    this.#disk.taskSet.began(task, () => this.#letGo(good));
  }

  #letGo(finish: (task: ScsiTask) => void): void {
    const task = this.#task;
    if (task === undefined) return;
    this.#task = undefined;
    const { taskSet } = this.#disk;
    taskSet.ended(task);
    finish(task);
    taskSet.left(task);
  }

  #end(result: number): void {
    const { log, identity } = this.#disk;
    try {
      if (result === STORE_DONE) {
        this.#disk.occupation = undefined;
        this.#save(undefined);
        log.info({ unit: identity.serial }, "the medium is erased");
        this.#letGo(good);
      } else {
        this.#failed = true;
        log.error({ unit: identity.serial, errno: result }, "erasing the medium failed");
        this.#save({ erasure: this.erasure, failed: true });
        const failure = this.condition;
        this.#letGo((task) => checkCondition(task, failure));
      }
    } catch (error) {
      this.#letGo((task) => failTask(task, error, log));
    }
  }

  #save(record: { erasure: Erasure; failed: boolean } | undefined): void {
    this.#disk.state?.save(STATE_NAME, record === undefined ? NO_RECORD : encodeRecord(record));
  }
}
