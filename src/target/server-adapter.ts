import { CRQ_FORMAT, CRQ_FORMAT_SRP, CRQ_INIT, CRQ_INIT_COMPLETE, CRQ_PING, CRQ_STATUS } from "../abi/crq.ts";
import { H_CLOSED, H_DROPPED, H_SUCCESS } from "../abi/papr.ts";
import {
  ADAPTER_DRAIN_STOP,
  ADAPTER_ENTRY,
  ADAPTER_READY_LIST,
  ANSWER_NONE,
  ANSWER_PREPARED,
  DRAIN_NO_SLOT,
  FAULT_NONE,
  KIND_EVENT,
  KIND_INIT,
  KIND_INIT_COMPLETE,
  KIND_MAD,
  KIND_MESSAGE,
  KIND_SRP,
  SLOT_ANSWER,
  SLOT_ENTRY,
  SLOT_FAULT,
  SLOT_IU,
  SLOT_IU_LENGTH,
  SLOT_IU_TYPE,
  SLOT_KIND,
  SLOT_RESPONSE,
  SLOT_RESPONSE_FORMAT,
  SLOT_RESPONSE_LENGTH,
} from "../abi/records.ts";
import { SRP_CMD, SRP_I_LOGOUT, SRP_I_LOGOUT_LENGTH, SRP_IU_MAX, SRP_LOGIN_REQ, SRP_TSK_MGMT } from "../abi/srp.ts";
import type { Clock } from "../core/clock.ts";
import type { CrqLink, CrqListener } from "../core/crq-link.ts";
import type { Log } from "../core/log.ts";
import type { Nexus, TargetDevice } from "../scsi/task.ts";
import { AnswerQueue } from "./answer-queue.ts";
import { CommandProcessor } from "./command-processor.ts";
import { buildLoginReject, buildLoginResponse, judgeLogin } from "./login.ts";
import type { ClientIdentity, ServerIdentity } from "./mad.ts";
import { MadProcessor } from "./mad-processor.ts";
import { writeInit, writePing } from "./messages.ts";
import { FAULT_OUTCOMES, VIOLATIONS, type Violation } from "./violations.ts";

export interface ServerAdapterOptions {
  link: CrqLink;
  device: TargetDevice;
  clock: Clock;
  log: Log;
  identity: ServerIdentity;
  /** Name that clients see in the capabilities answer. */
  adapterName: string;
  /** SRP requests that a client may have outstanding; at least 3, and fewer than the link has slots. */
  requestLimit: number;
}

/**
 * States of the connection. [LoPAR] app_virtual_scsi; the table in [protocol] 2.7.
 * `closed`: no CRQ registered. `waiting`: registered, INIT sent or awaited. `connected`: MADs and login allowed.
 * `logged-in`: SRP requests flow. `draining`: the client went away or was disconnected, and tasks are still under way.
 */
export type ConnectionState = "closed" | "waiting" | "connected" | "logged-in" | "draining";

/** Entries taken in one call of the core; bounds the time until answers go out. */
const BATCH = 64;
/** How often a CRQ that could not be freed or registered is tried again, in milliseconds. */
const RETRY_INTERVAL = 100;

/** A VSCSI server adapter: one client's connection, its MADs, login, credit and tasks. */
export class ServerAdapter implements CrqListener {
  readonly nexus: Nexus;
  readonly #link: CrqLink;
  readonly #device: TargetDevice;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #options: ServerAdapterOptions;
  readonly #answers: AnswerQueue;
  readonly #commands: CommandProcessor;
  readonly #mads: MadProcessor;
  #state: ConnectionState = "closed";
  /** What follows when the last task has ended while draining: keep the queue, or close and open it again. */
  #afterDrain: "keep" | "reopen" | "stop" = "keep";
  /** Both sides may have sent INIT at once: one further COMPLETE or INIT is then no violation. */
  #crossing = false;
  #polling = false;
  #stopping: (() => void) | undefined;

  constructor(options: ServerAdapterOptions) {
    const { link, device, clock, log, requestLimit } = options;
    this.nexus = { name: `crq:${link.unitAddress.toString(16)}` };
    this.#options = options;
    this.#link = link;
    this.#device = device;
    this.#clock = clock;
    this.#log = log;
    this.#answers = new AnswerQueue(link, clock, (result) => this.#answerRefused(result));
    this.#commands = new CommandProcessor({
      link,
      device,
      nexus: this.nexus,
      requestLimit,
      answers: this.#answers,
      settled: () => this.#settled(),
      fastFail: () => this.#mads.fastFail,
    });
    this.#mads = new MadProcessor(options, this.#answers, (violation) => this.#violate(violation));
    link.listen(this);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Who the client says it is; undefined until its adapter information came. */
  get client(): ClientIdentity | undefined {
    return this.#mads.client;
  }

  /** SRP commands received, and requests not yet answered. */
  get counters(): { requests: number; outstanding: number } {
    return { requests: this.#commands.requests, outstanding: this.#commands.outstanding };
  }

  /** Registers the CRQ and says INIT. A partner that is not up yet is no error. */
  start(): void {
    this.#open();
  }

  /** Takes no more, finishes what is in flight, frees the CRQ. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopping = () => {
        this.#link.close();
        this.#commands.close();
        this.#state = "closed";
        resolve();
      };
      this.#settled();
    });
  }

  interrupt(): void {
    if (this.#polling || this.#state === "closed" || this.#stopping) return;
    this.#polling = true;
    this.#link.signal(false);
    this.#drainRing();
    this.#link.signal(true);
    // An entry that came while interrupts were off raised none: look once more. [LoPAR] H_VIO_SIGNAL.
    this.#drainRing();
    this.#polling = false;
  }

  copyDone(slot: number, result: number): void {
    this.#commands.copyDone(slot, result) || this.#mads.copyDone(slot, result);
    if (!this.#polling) this.#answers.flush();
  }

  #drainRing(): void {
    const { core, adapter, memory } = this.#link;
    while (this.#state !== "draining" && this.#state !== "closed") {
      const count = core.drain(adapter, BATCH);
      const list = memory.view.getUint32(adapter + ADAPTER_READY_LIST, true);
      for (let index = 0; index < count; index++) this.#take(memory.view.getUint32(list + index * 4, true));
      this.#answers.flush();
      if (count > 0) continue;
      if (memory.view.getUint32(adapter + ADAPTER_DRAIN_STOP, true) === DRAIN_NO_SLOT && !this.#answers.stuck)
        this.#violate("credit-overrun");
      break;
    }
  }

  /** One entry, in ring order. Every branch answers the slot, releases it, or hands it to someone who will. */
  #take(slot: number): void {
    const { view } = this.#link.memory;
    const kind = view.getUint32(slot + SLOT_KIND, true);
    // A violation earlier in this batch ended the connection that the rest of it belongs to.
    if (this.#state === "draining" || this.#state === "closed") return this.#release(slot);
    if (kind === KIND_SRP && this.#state !== "waiting") return this.#takeSrp(slot);
    if (kind === KIND_MAD && this.#state !== "waiting") return this.#mads.take(slot, this.#state === "logged-in");
    const status = view.getUint8(slot + SLOT_ENTRY + CRQ_STATUS);
    const format = view.getUint8(slot + SLOT_ENTRY + CRQ_FORMAT);
    this.#release(slot);
    if (kind === KIND_EVENT) this.#clientGone(format);
    else if (kind === KIND_INIT) this.#takeInit();
    else if (kind === KIND_INIT_COMPLETE) this.#takeInitComplete();
    else if (kind === KIND_MESSAGE) this.#takeMessage(status);
    else if (kind === KIND_SRP || kind === KIND_MAD) this.#log.debug({ kind }, "left over from an earlier connection");
    else this.#violate("entry-unknown");
  }

  #takeSrp(slot: number): void {
    const { view } = this.#link.memory;
    const fault = view.getUint32(slot + SLOT_FAULT, true);
    const outcome = fault === FAULT_NONE ? undefined : FAULT_OUTCOMES.get(fault);
    if (typeof outcome === "string") {
      this.#release(slot);
      return this.#violate(outcome);
    }
    switch (view.getUint32(slot + SLOT_IU_TYPE, true)) {
      case SRP_CMD:
      case SRP_TSK_MGMT:
        // SLOF never logs in: its commands follow the handshake. [protocol] 5.4.
        if (this.#state === "connected" && this.#mads.client !== undefined) {
          this.#release(slot);
          return this.#violate("srp-before-login");
        }
        if (!this.#commands.take(slot, outcome)) this.#violate("credit-overrun");
        return;
      case SRP_LOGIN_REQ:
        return this.#login(slot);
      case SRP_I_LOGOUT:
        return this.#logout(slot);
      default:
        this.#release(slot);
        this.#violate("unexpected-response-iu");
    }
  }

  #login(slot: number): void {
    const { u8, view } = this.#link.memory;
    const iu = new DataView(u8.buffer, u8.byteOffset + slot + SLOT_IU, SRP_IU_MAX);
    const reason = judgeLogin(iu, { loggedIn: this.#state === "logged-in", stopping: this.#stopping !== undefined });
    const { requestLimit } = this.#options;
    const length =
      reason === 0
        ? buildLoginResponse(u8, slot + SLOT_IU, slot + SLOT_RESPONSE, requestLimit)
        : buildLoginReject(u8, slot + SLOT_IU, slot + SLOT_RESPONSE, reason);
    view.setUint32(slot + SLOT_ANSWER, ANSWER_PREPARED, true);
    view.setUint32(slot + SLOT_RESPONSE_FORMAT, CRQ_FORMAT_SRP, true);
    view.setUint32(slot + SLOT_RESPONSE_LENGTH, length, true);
    this.#answers.push(slot);
    if (reason === 0) {
      this.#state = "logged-in";
      this.#device.nexusOpened(this.nexus);
      this.#log.info({ requestLimit, client: this.#mads.client }, "client logged in");
    } else this.#log.warn({ reason: `0x${reason.toString(16)}` }, "login rejected");
  }

  /** I_LOGOUT: with work outstanding the link is reset; otherwise it is told and MADs and login may follow. [protocol] 3.4. */
  #logout(slot: number): void {
    const { u8, view } = this.#link.memory;
    if (this.#commands.outstanding > 0) {
      this.#release(slot);
      return this.#disconnect("reopen");
    }
    u8.copyWithin(slot + SLOT_RESPONSE, slot + SLOT_IU, slot + SLOT_IU + SRP_I_LOGOUT_LENGTH);
    view.setUint32(slot + SLOT_ANSWER, ANSWER_PREPARED, true);
    view.setUint32(slot + SLOT_RESPONSE_FORMAT, CRQ_FORMAT_SRP, true);
    view.setUint32(
      slot + SLOT_RESPONSE_LENGTH,
      Math.min(SRP_I_LOGOUT_LENGTH, view.getUint32(slot + SLOT_IU_LENGTH, true)),
      true,
    );
    this.#answers.push(slot);
    this.#device.nexusLost(this.nexus);
    this.#state = "connected";
    this.#log.info({}, "client logged out");
  }

  #takeInit(): void {
    if (this.#state !== "waiting" && !this.#crossing) return this.#violate("init-while-open");
    this.#crossing = false;
    const result = this.#send(writeInit, CRQ_INIT_COMPLETE);
    if (result === H_SUCCESS) this.#connected();
    else if (result !== H_CLOSED) this.#disconnect("reopen");
  }

  #takeInitComplete(): void {
    if (this.#state === "waiting") return this.#connected();
    if (!this.#crossing) return this.#violate("init-while-open");
    this.#crossing = false;
  }

  #connected(): void {
    if (this.#state === "waiting") {
      this.#state = "connected";
      this.#log.info({}, "connection initialised");
    }
  }

  #takeMessage(code: number): void {
    if (code !== CRQ_PING) return;
    if (this.#send(writePing, 0) === H_DROPPED) this.#disconnect("reopen");
  }

  /** The client went away by itself: the queue is kept and its next INIT awaited. [protocol] 6.3. */
  #clientGone(event: number): void {
    this.#log.info({ event }, "transport event: the client is gone");
    this.#disconnect("keep");
  }

  #violate(violation: Violation): void {
    this.#log.warn({ violation, client: this.#mads.client }, `disconnecting: ${VIOLATIONS[violation]}`);
    this.#disconnect("reopen");
  }

  #disconnect(then: "keep" | "reopen"): void {
    if (this.#state === "closed") return;
    this.#device.nexusLost(this.nexus);
    this.#answers.drop();
    this.#mads.reset();
    this.#commands.abandon();
    this.#crossing = false;
    if (this.#state !== "draining" || then === "reopen") this.#afterDrain = then;
    this.#state = "draining";
    // Freed at once, so that nothing more can reach the client's memory.
    if (then === "reopen") this.#link.free();
    this.#settled();
  }

  /** The last task may have ended. */
  #settled(): void {
    if (!this.#polling) this.#answers.flush();
    if (this.#commands.outstanding > 0 || !this.#answers.empty) return;
    const stop = this.#stopping;
    if (stop) {
      this.#stopping = undefined;
      return stop();
    }
    if (this.#state !== "draining") return;
    if (this.#afterDrain === "reopen") return this.#open();
    this.#state = "waiting";
    // Entries of the next connection may be on the ring already.
    if (!this.#polling) this.#clock.after(0, () => this.interrupt());
  }

  #open(): void {
    const result = this.#link.register();
    if (result !== H_SUCCESS && result !== H_CLOSED) {
      this.#log.warn({ result }, "the CRQ could not be registered; trying again");
      this.#state = "draining";
      this.#afterDrain = "reopen";
      this.#link.free();
      this.#clock.after(RETRY_INTERVAL, () => this.#open());
      return;
    }
    this.#state = "waiting";
    this.#link.signal(true);
    this.#crossing = this.#send(writeInit, CRQ_INIT) === H_SUCCESS;
  }

  /** The core stopped answering: full queue (the queue keeps trying), closed, or an address that can't be written. */
  #answerRefused(result: number): void {
    if (result === H_CLOSED) return this.#answers.drop();
    // Died, or a bad address? A ping tells. [LoPAR] H_COPY_RDMA, [protocol] 1.8.
    const dead = this.#send(writePing, CRQ_PING) === H_CLOSED;
    if (dead) this.#answers.drop();
    else this.#violate("response-copy");
  }

  #send(write: (bytes: Uint8Array, at: number, code: number) => void, code: number): number {
    const { memory, adapter } = this.#link;
    write(memory.u8, adapter + ADAPTER_ENTRY, code);
    return this.#link.send(adapter + ADAPTER_ENTRY);
  }

  #release(slot: number): void {
    this.#link.memory.view.setUint32(slot + SLOT_ANSWER, ANSWER_NONE, true);
    this.#link.core.slot_release(this.#link.adapter, slot);
  }
}
