import { CRQ_FORMAT_MAD, CRQ_STATUS_OK } from "../abi/crq.ts";
import {
  ADAPTER_INFO_LENGTH,
  ADAPTER_INFO_LENGTH_MINIMUM,
  CAPABILITIES_LENGTH_MAXIMUM,
  CAPABILITIES_LIST,
  MAD_ADAPTER_INFO,
  MAD_BUFFER,
  MAD_CAPABILITIES,
  MAD_EMPTY_IU,
  MAD_ENABLE_FAST_FAIL,
  MAD_FAILED,
  MAD_LENGTH,
  MAD_NOT_SUPPORTED,
  MAD_STATUS,
  MAD_SUCCESS,
  MAD_TYPE,
  MAD_WITH_BUFFER_LENGTH,
} from "../abi/mad.ts";
import { H_IN_PROGRESS, H_SUCCESS } from "../abi/papr.ts";
import {
  ANSWER_PREPARED,
  FAULT_IU_FETCH,
  FAULT_NONE,
  SLOT_ANSWER,
  SLOT_CRQ_STATUS,
  SLOT_FAULT,
  SLOT_IU,
  SLOT_IU_LENGTH,
  SLOT_RESPONSE,
  SLOT_RESPONSE_FORMAT,
  SLOT_RESPONSE_LENGTH,
} from "../abi/records.ts";
import type { CrqLink } from "../core/crq-link.ts";
import type { AnswerQueue } from "./answer-queue.ts";
import { FAULT_OUTCOMES } from "./faults.ts";
import { answerCapabilities, type ClientIdentity, readAdapterInfo, writeAdapterInfo } from "./mad.ts";
import type { ServerAdapterOptions } from "./options.ts";
import type { Violation } from "./violations.ts";

/** Who is told that a MAD ends the connection. */
export interface MadJudge {
  /** The client broke the protocol. */
  violate(violation: Violation): void;
  /** Its memory could not be reached: a violation unless the client is dead. */
  unreachable(violation: Violation): void;
}

/** Management datagrams: one at a time, each answered with its header's status. [LoPAR] app_virtual_scsi. */
export class MadProcessor {
  readonly #options: ServerAdapterOptions;
  readonly #link: CrqLink;
  readonly #answers: AnswerQueue;
  readonly #judge: MadJudge;
  /** Room for a MAD's data buffer. */
  readonly #scratch: number;
  /** Slot being answered, 0 for none, and what goes on when its copy has ended. */
  #slot = 0;
  #next: ((result: number) => void) | undefined;
  /** Told by the client; kept over a close by us, since some clients do not repeat it. [protocol] 6.6. */
  client: ClientIdentity | undefined;
  fastFail = false;

  constructor(options: ServerAdapterOptions, answers: AnswerQueue, judge: MadJudge) {
    this.#options = options;
    this.#link = options.link;
    this.#answers = answers;
    this.#judge = judge;
    this.#scratch = options.link.memory.allocate(CAPABILITIES_LENGTH_MAXIMUM);
  }

  /** A MAD is being answered. */
  get busy(): boolean {
    return this.#slot !== 0;
  }

  /**
   * The connection is gone, and with it what was set up on it; a copy under way is forgotten by the link.
   * @param forgetClient false when we closed it: some clients do not tell who they are a second time
   */
  reset(forgetClient: boolean): void {
    if (this.#slot !== 0) this.#link.core.slot_release(this.#link.adapter, this.#slot);
    this.#slot = 0;
    this.#next = undefined;
    if (forgetClient) this.client = undefined;
    this.fastFail = false;
  }

  close(): void {
    this.#link.memory.free(this.#scratch, CAPABILITIES_LENGTH_MAXIMUM);
  }

  take(slot: number, loggedIn: boolean): void {
    const { view } = this.#link.memory;
    const fault = view.getUint32(slot + SLOT_FAULT, true);
    const type = view.getUint32(slot + SLOT_IU + MAD_TYPE);
    if (fault !== FAULT_NONE) return this.#refuse(slot, fault);
    // We never send T_LOGOUT, so there is nothing to park it for: answered at once, as the Linux target does, and
    // not counted as the one MAD that may be outstanding. [protocol] 3.10, 4.3.
    if (type === MAD_EMPTY_IU) return this.#answer(slot, MAD_SUCCESS);
    if (this.busy) {
      this.#link.core.slot_release(this.#link.adapter, slot);
      return this.#judge.violate("mad-while-mad");
    }
    this.#slot = slot;
    switch (type) {
      case MAD_ADAPTER_INFO:
        return this.#adapterInfo();
      case MAD_CAPABILITIES:
        return this.#capabilities();
      case MAD_ENABLE_FAST_FAIL:
        this.fastFail ||= !loggedIn;
        return this.#end(loggedIn ? MAD_FAILED : MAD_SUCCESS);
      default:
        return this.#end(MAD_NOT_SUPPORTED);
    }
  }

  copyDone(slot: number, result: number): void {
    if (slot !== this.#slot) return;
    const next = this.#next;
    this.#next = undefined;
    next?.(result);
  }

  /** The outcomes of a MAD's own faults are all violations: there is no sense data for it. */
  #refuse(slot: number, fault: number): void {
    const outcome = FAULT_OUTCOMES.get(fault);
    this.#link.core.slot_release(this.#link.adapter, slot);
    if (fault === FAULT_IU_FETCH) this.#judge.unreachable("iu-fetch");
    else this.#judge.violate(typeof outcome === "string" ? outcome : "iu-type");
  }

  /** [protocol] 4.1: as much as both have, at least to the first maximum transfer. */
  #adapterInfo(): void {
    const length = Math.min(this.#bufferLength(), ADAPTER_INFO_LENGTH);
    if (length < ADAPTER_INFO_LENGTH_MINIMUM) return this.#end(MAD_FAILED);
    this.#withBuffer(length, () => {
      const info = this.#buffer(ADAPTER_INFO_LENGTH);
      for (let at = length; at < ADAPTER_INFO_LENGTH; at++) info.setUint8(at, 0);
      this.client = readAdapterInfo(info);
      writeAdapterInfo(info, this.#options.identity);
      this.#options.log.info({ client: this.client }, "client told who it is");
      return true;
    });
  }

  /** [protocol] 4.2. */
  #capabilities(): void {
    const length = this.#bufferLength();
    if (length < CAPABILITIES_LIST || length > CAPABILITIES_LENGTH_MAXIMUM) return this.#end(MAD_FAILED);
    this.#withBuffer(length, () => answerCapabilities(this.#buffer(length), this.#options.adapterName));
  }

  /** Bytes behind the MAD's buffer address; 0 when the MAD is too short to name one. */
  #bufferLength(): number {
    const { view } = this.#link.memory;
    if (view.getUint32(this.#slot + SLOT_IU_LENGTH, true) < MAD_WITH_BUFFER_LENGTH) return 0;
    return view.getUint16(this.#slot + SLOT_IU + MAD_LENGTH);
  }

  /** Fetches the MAD's data buffer, lets `work` change it, writes it back, answers. */
  #withBuffer(length: number, work: () => boolean): void {
    const { view } = this.#link.memory;
    const slot = this.#slot;
    const high = view.getUint32(slot + SLOT_IU + MAD_BUFFER);
    const low = view.getUint32(slot + SLOT_IU + MAD_BUFFER + 4);
    this.#then(this.#link.readClient(slot, high, low, this.#scratch, length), () => {
      if (!work()) return this.#end(MAD_FAILED);
      this.#then(this.#link.writeClient(slot, high, low, this.#scratch, length), () => this.#end(MAD_SUCCESS));
    });
  }

  #then(result: number, next: () => void): void {
    const step = (outcome: number) => {
      if (outcome === H_SUCCESS) next();
      else this.#judge.unreachable("mad-copy");
    };
    if (result === H_IN_PROGRESS) this.#next = step;
    else step(result);
  }

  #buffer(length: number): DataView {
    const { u8 } = this.#link.memory;
    return new DataView(u8.buffer, u8.byteOffset + this.#scratch, length);
  }

  /** Answers the one MAD that is outstanding. */
  #end(status: number): void {
    const slot = this.#slot;
    this.#slot = 0;
    this.#answer(slot, status);
  }

  /** Copies the MAD back with its status. [protocol] 4. */
  #answer(slot: number, status: number): void {
    const { memory } = this.#link;
    const length = Math.min(memory.view.getUint32(slot + SLOT_IU_LENGTH, true), MAD_WITH_BUFFER_LENGTH);
    memory.u8.copyWithin(slot + SLOT_RESPONSE, slot + SLOT_IU, slot + SLOT_IU + length);
    memory.view.setUint16(slot + SLOT_RESPONSE + MAD_STATUS, status);
    memory.view.setUint32(slot + SLOT_ANSWER, ANSWER_PREPARED, true);
    memory.view.setUint32(slot + SLOT_RESPONSE_FORMAT, CRQ_FORMAT_MAD, true);
    memory.view.setUint32(slot + SLOT_RESPONSE_LENGTH, length, true);
    memory.view.setUint32(slot + SLOT_CRQ_STATUS, CRQ_STATUS_OK, true);
    this.#answers.push(slot);
  }
}
