import { CRQ_FORMAT_MAD } from "../abi/crq.ts";
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
  FAULT_NONE,
  SLOT_ANSWER,
  SLOT_FAULT,
  SLOT_IU,
  SLOT_IU_LENGTH,
  SLOT_RESPONSE,
  SLOT_RESPONSE_FORMAT,
  SLOT_RESPONSE_LENGTH,
} from "../abi/records.ts";
import type { CrqLink } from "../core/crq-link.ts";
import type { AnswerQueue } from "./answer-queue.ts";
import { answerCapabilities, type ClientIdentity, readAdapterInfo, writeAdapterInfo } from "./mad.ts";
import type { ServerAdapterOptions } from "./server-adapter.ts";
import { FAULT_OUTCOMES, type Violation } from "./violations.ts";

/** Management datagrams: one at a time, each answered with its header's status. [LoPAR] app_virtual_scsi. */
export class MadProcessor {
  readonly #options: ServerAdapterOptions;
  readonly #link: CrqLink;
  readonly #answers: AnswerQueue;
  readonly #violate: (violation: Violation) => void;
  /** Room for a MAD's data buffer. */
  readonly #scratch: number;
  /** Slot being answered, 0 for none, and what goes on when its copy has ended. */
  #slot = 0;
  #next: ((result: number) => void) | undefined;
  /** Told by the client; kept over a close by us, since some clients do not repeat it. [protocol] 6.6. */
  client: ClientIdentity | undefined;
  fastFail = false;

  constructor(options: ServerAdapterOptions, answers: AnswerQueue, violate: (violation: Violation) => void) {
    this.#options = options;
    this.#link = options.link;
    this.#answers = answers;
    this.#violate = violate;
    this.#scratch = options.link.memory.allocate(CAPABILITIES_LENGTH_MAXIMUM);
  }

  /** The connection is gone, and with it what was set up on it. */
  reset(): void {
    if (this.#slot !== 0) this.#link.core.slot_release(this.#link.adapter, this.#slot);
    this.#slot = 0;
    this.#next = undefined;
    this.client = undefined;
    this.fastFail = false;
  }

  take(slot: number, loggedIn: boolean): void {
    const { view } = this.#link.memory;
    const fault = view.getUint32(slot + SLOT_FAULT, true);
    const outcome = fault === FAULT_NONE ? undefined : FAULT_OUTCOMES.get(fault);
    if (outcome !== undefined || this.#slot !== 0) {
      this.#link.core.slot_release(this.#link.adapter, slot);
      return this.#violate(typeof outcome === "string" ? outcome : "mad-while-mad");
    }
    this.#slot = slot;
    switch (view.getUint32(slot + SLOT_IU + MAD_TYPE)) {
      case MAD_ADAPTER_INFO:
        return this.#withBuffer(ADAPTER_INFO_LENGTH_MINIMUM, ADAPTER_INFO_LENGTH, (length) =>
          this.#adapterInfo(length),
        );
      case MAD_CAPABILITIES:
        return this.#withBuffer(CAPABILITIES_LIST, CAPABILITIES_LENGTH_MAXIMUM, (length) => this.#capabilities(length));
      case MAD_ENABLE_FAST_FAIL:
        this.fastFail ||= !loggedIn;
        return this.#answer(loggedIn ? MAD_FAILED : MAD_SUCCESS);
      case MAD_EMPTY_IU:
        // We never send T_LOGOUT, so there is nothing to keep it for; answered at once, as the Linux target does.
        return this.#answer(MAD_SUCCESS);
      default:
        return this.#answer(MAD_NOT_SUPPORTED);
    }
  }

  copyDone(slot: number, result: number): void {
    if (slot !== this.#slot) return;
    const next = this.#next;
    this.#next = undefined;
    next?.(result);
  }

  /** Fetches the MAD's data buffer, lets `work` change it, writes it back, answers. */
  #withBuffer(minimum: number, maximum: number, work: (length: number) => boolean): void {
    const { view } = this.#link.memory;
    const slot = this.#slot;
    const length = view.getUint16(slot + SLOT_IU + MAD_LENGTH);
    const high = view.getUint32(slot + SLOT_IU + MAD_BUFFER);
    const low = view.getUint32(slot + SLOT_IU + MAD_BUFFER + 4);
    if (view.getUint32(slot + SLOT_IU_LENGTH, true) < MAD_WITH_BUFFER_LENGTH || length < minimum || length > maximum)
      return this.#answer(MAD_FAILED);
    this.#then(this.#link.readClient(slot, high, low, this.#scratch, length), () => {
      if (!work(length)) return this.#answer(MAD_FAILED);
      this.#then(this.#link.writeClient(slot, high, low, this.#scratch, length), () => this.#answer(MAD_SUCCESS));
    });
  }

  #then(result: number, next: () => void): void {
    const step = (outcome: number) => {
      if (outcome === H_SUCCESS) next();
      else this.#violate("mad-copy");
    };
    if (result === H_IN_PROGRESS) this.#next = step;
    else step(result);
  }

  #adapterInfo(length: number): boolean {
    const info = this.#buffer(ADAPTER_INFO_LENGTH);
    for (let at = length; at < ADAPTER_INFO_LENGTH; at++) info.setUint8(at, 0);
    this.client = readAdapterInfo(info);
    writeAdapterInfo(info, this.#options.identity);
    this.#options.log.info({ client: this.client }, "client told who it is");
    return true;
  }

  #capabilities(length: number): boolean {
    return answerCapabilities(this.#buffer(length), this.#options.adapterName);
  }

  #buffer(length: number): DataView {
    const { u8 } = this.#link.memory;
    return new DataView(u8.buffer, u8.byteOffset + this.#scratch, length);
  }

  /** Copies the MAD back with its status. */
  #answer(status: number): void {
    const { memory } = this.#link;
    const slot = this.#slot;
    this.#slot = 0;
    const length = Math.min(memory.view.getUint32(slot + SLOT_IU_LENGTH, true), MAD_WITH_BUFFER_LENGTH);
    memory.u8.copyWithin(slot + SLOT_RESPONSE, slot + SLOT_IU, slot + SLOT_IU + length);
    memory.view.setUint16(slot + SLOT_RESPONSE + MAD_STATUS, status);
    memory.view.setUint32(slot + SLOT_ANSWER, ANSWER_PREPARED, true);
    memory.view.setUint32(slot + SLOT_RESPONSE_FORMAT, CRQ_FORMAT_MAD, true);
    memory.view.setUint32(slot + SLOT_RESPONSE_LENGTH, length, true);
    this.#answers.push(slot);
  }
}
