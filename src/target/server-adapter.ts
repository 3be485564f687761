import { CRQ_FORMAT, CRQ_FORMAT_SRP, CRQ_INIT, CRQ_INIT_COMPLETE, CRQ_PING, CRQ_PING_RESPONSE } from "../abi/crq.ts";
import { OS_TYPE_LINUX } from "../abi/mad.ts";
import { H_CLOSED, H_SUCCESS } from "../abi/papr.ts";
import {
  ADAPTER_DRAIN_STOP,
  ADAPTER_ENTRY,
  ADAPTER_READY_LIST,
  ANSWER_PREPARED,
  DRAIN_NO_SLOT,
  FAULT_IU_FETCH,
  FAULT_NONE,
  SLOT_ANSWER,
  SLOT_ENTRY,
  SLOT_FAULT,
  SLOT_IU,
  SLOT_IU_TYPE,
  SLOT_KIND,
  SLOT_RESPONSE,
  SLOT_RESPONSE_FORMAT,
  SLOT_RESPONSE_LENGTH,
} from "../abi/records.ts";
import { SRP_CMD, SRP_I_LOGOUT, SRP_I_LOGOUT_LENGTH, SRP_IU_MAX, SRP_LOGIN_REQ, SRP_TSK_MGMT } from "../abi/srp.ts";
import type { Clock } from "../core/clock.ts";
import type { CrqLink, CrqListener } from "../core/crq-link.ts";
import type { LatencyHistogram } from "../core/latency.ts";
import type { Log } from "../core/log.ts";
import type { Nexus, TargetDevice } from "../scsi/task.ts";
import { AnswerQueue } from "./answer-queue.ts";
import { CommandProcessor } from "./command-processor.ts";
import { type ConnectionState, react } from "./connection.ts";
import { FAULT_OUTCOMES } from "./faults.ts";
import { buildLoginReject, buildLoginResponse, judgeLogin } from "./login.ts";
import type { ClientIdentity } from "./mad.ts";
import { MadProcessor } from "./mad-processor.ts";
import { isPing, isPrivateFormat, writeInit, writeMessage } from "./messages.ts";
import { crqNexus } from "./nexus.ts";
import type { AdapterCounters, ServerAdapterOptions } from "./options.ts";
import { LOSSES, type Loss, VIOLATIONS, type Violation } from "./violations.ts";

/** Linux keeps two credits for task management and needs one for commands. [protocol] 3.10. */
const REQUEST_LIMIT_MINIMUM = 3;
/** Entries taken in one call of the core; bounds the time until answers go out. */
const BATCH = 64;
/** How often a CRQ that could not be freed or registered is tried again, in milliseconds. */
const RETRY_INTERVAL = 100;
/** How long a stopping adapter waits for a client that takes no answers, in milliseconds. */
const STOP_PATIENCE = 1_000;

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
  #afterDrain: "keep" | "reopen" = "keep";
  /** Our INIT reached the client's queue and its COMPLETE has not come. */
  #completeOwed = false;
  /** A MAD or a login came on this connection: commands have to wait for a login. */
  #negotiates = false;
  #nexusOpen = false;
  #polling = false;
  #disconnects = 0;
  #interrupts = 0;
  #messages = 0;
  #lastDisconnect: Violation | Loss | undefined;
  #stop: { promise: Promise<void>; resolve: () => void } | undefined;
  #cancelTimer = (): void => {};

  /** @throws RangeError when the request limit does not fit the link */
  constructor(options: ServerAdapterOptions) {
    const { link, device, clock, log, requestLimit } = options;
    if (requestLimit < REQUEST_LIMIT_MINIMUM || requestLimit >= link.slotCount)
      throw new RangeError(
        `the request limit is at least ${REQUEST_LIMIT_MINIMUM} and below the ${link.slotCount} slots, not ${requestLimit}`,
      );
    this.nexus = crqNexus(link.unitAddress, options.relativeTargetPort);
    this.#options = options;
    this.#link = link;
    this.#device = device;
    this.#clock = clock;
    this.#log = log;
    this.#answers = new AnswerQueue(
      link,
      clock,
      (result) => this.#answerRefused(result),
      () => this.#answersResumed(),
    );
    this.#commands = new CommandProcessor({
      link,
      device,
      nexus: this.nexus,
      clock,
      requestLimit,
      answers: this.#answers,
      settled: () => this.#settled(),
      fastFail: () => this.#mads.fastFail,
      linuxResiduals: () => options.residuals === "linux" && this.client?.osType === OS_TYPE_LINUX,
    });
    this.#mads = new MadProcessor(options, this.#answers, {
      violate: (violation) => this.#violate(violation),
      unreachable: (violation) => this.#unreachable(violation),
    });
    link.listen(this);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Who the client says it is; undefined until its adapter information came. */
  get client(): ClientIdentity | undefined {
    return this.#mads.client;
  }

  get counters(): AdapterCounters {
    const [interrupts, messages, disconnects] = [this.#interrupts, this.#messages, this.#disconnects];
    return { ...this.#commands.counters, interrupts, messages, disconnects };
  }

  /** How long its commands took, from their arrival to their answer. */
  get latency(): LatencyHistogram {
    return this.#commands.latency;
  }

  /** Why the last connection ended. */
  get lastDisconnect(): Violation | Loss | undefined {
    return this.#lastDisconnect;
  }

  /** Registers the CRQ and says INIT. A partner that is not up yet is no error. */
  start(): void {
    this.#open();
  }

  /** Takes no more, finishes what is in flight, frees the CRQ. The adapter is not used again. */
  stop(): Promise<void> {
    if (this.#stop) return this.#stop.promise;
    let resolve = () => {};
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    this.#stop = { promise, resolve };
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(STOP_PATIENCE, () => {
      this.#answers.drop();
      this.#settled();
    });
    this.#settled();
    return promise;
  }

  interrupt(): void {
    if (this.#polling || this.#state === "closed" || this.#stop) return;
    this.#polling = true;
    this.#interrupts++;
    this.#link.signal(false);
    this.#drainRing();
    this.#link.signal(true);
    // An entry that came while interrupts were off raised none: look once more. [LoPAR] H_VIO_SIGNAL.
    this.#drainRing();
    this.#polling = false;
    // A task may have ended within the poll, with a stop waiting for it.
    if (this.#stop) this.#settled();
  }

  copyDone(slot: number, result: number): void {
    if (!this.#commands.copyDone(slot, result)) this.#mads.copyDone(slot, result);
    this.#settled();
  }

  #drainRing(): void {
    const { core, adapter, memory } = this.#link;
    while (this.#state !== "draining" && this.#state !== "closed") {
      const count = core.drain(adapter, BATCH);
      this.#messages += count;
      const list = memory.view.getUint32(adapter + ADAPTER_READY_LIST, true);
      for (let index = 0; index < count; index++) this.#take(memory.view.getUint32(list + index * 4, true));
      this.#answers.flush();
      const stuck = memory.view.getUint32(adapter + ADAPTER_DRAIN_STOP, true) === DRAIN_NO_SLOT;
      if (count === 0 && stuck && !this.#answers.stuck) this.#violate("credit-overrun");
      // Only now, when every slot of the batch is accounted for, may a connection that it ended begin again.
      this.#finishDraining();
      if (count === 0) break;
    }
  }

  /** One entry, in ring order. Every branch answers the slot, releases it, or hands it to someone who will. */
  #take(slot: number): void {
    const { view } = this.#link.memory;
    const reaction = react(this.#state, view.getUint32(slot + SLOT_KIND, true));
    switch (reaction) {
      case "srp":
        return this.#takeSrp(slot);
      case "mad":
        this.#negotiates = true;
        return this.#mads.take(slot, this.#state === "logged-in");
      case "message": {
        const ping = isPing(view, slot + SLOT_ENTRY);
        this.#release(slot);
        if (ping) this.#answerPing();
        return;
      }
      default: {
        const format = view.getUint8(slot + SLOT_ENTRY + CRQ_FORMAT);
        const ignored = reaction === "stale" || (reaction === "unknown" && isPrivateFormat(view, slot + SLOT_ENTRY));
        this.#release(slot);
        if (ignored) this.#log.debug({ reaction, format }, "entry ignored");
        else if (reaction === "answer-init") this.#answerInit();
        else if (reaction === "open") this.#connected();
        else if (reaction === "crossing" && this.#completeOwed) this.#completeOwed = false;
        else if (reaction === "client-gone") this.#lose("transport-event", format);
        else if (reaction === "unknown") this.#violate("entry-unknown");
        else if (reaction !== "drop") this.#violate("init-while-open");
      }
    }
  }

  #takeSrp(slot: number): void {
    const { view } = this.#link.memory;
    const fault = view.getUint32(slot + SLOT_FAULT, true);
    const outcome = fault === FAULT_NONE ? undefined : FAULT_OUTCOMES.get(fault);
    if (typeof outcome === "string") {
      this.#release(slot);
      return fault === FAULT_IU_FETCH ? this.#unreachable(outcome) : this.#violate(outcome);
    }
    switch (view.getUint32(slot + SLOT_IU_TYPE, true)) {
      case SRP_CMD:
      case SRP_TSK_MGMT:
        if (!this.#mayCommand()) {
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

  /** SLOF never logs in: its commands follow the handshake. [protocol] 5.4. */
  #mayCommand(): boolean {
    if (this.#state === "logged-in") return true;
    if (this.#negotiates || this.#options.acceptWithoutLogin === false) return false;
    this.#openNexus();
    return true;
  }

  #login(slot: number): void {
    const { u8 } = this.#link.memory;
    const iu = new DataView(u8.buffer, u8.byteOffset + slot + SLOT_IU, SRP_IU_MAX);
    const reason = judgeLogin(iu, { loggedIn: this.#state === "logged-in", stopping: this.#stop !== undefined });
    const { requestLimit } = this.#options;
    this.#negotiates = true;
    if (reason !== 0) {
      this.#answerSrp(slot, buildLoginReject(u8, slot + SLOT_IU, slot + SLOT_RESPONSE, reason));
      return this.#log.warn({ reason: `0x${reason.toString(16)}`, client: this.client }, "login rejected");
    }
    this.#answerSrp(slot, buildLoginResponse(u8, slot + SLOT_IU, slot + SLOT_RESPONSE, requestLimit));
    this.#commands.renew();
    this.#state = "logged-in";
    this.#openNexus();
    this.#log.info({ requestLimit, client: this.client }, "client logged in");
  }

  /** I_LOGOUT: MADs and login may follow; with work outstanding it is a violation. [protocol] 3.4. */
  #logout(slot: number): void {
    if (this.#commands.outstanding > 0) {
      this.#release(slot);
      return this.#violate("logout-outstanding");
    }
    this.#link.memory.u8.copyWithin(slot + SLOT_RESPONSE, slot + SLOT_IU, slot + SLOT_IU + SRP_I_LOGOUT_LENGTH);
    this.#answerSrp(slot, SRP_I_LOGOUT_LENGTH);
    this.#negotiates = true;
    this.#state = "connected";
    this.#closeNexus();
    this.#log.info({ client: this.client }, "client logged out");
  }

  /** Answers with the `length` bytes at SLOT_RESPONSE. */
  #answerSrp(slot: number, length: number): void {
    const { view } = this.#link.memory;
    view.setUint32(slot + SLOT_ANSWER, ANSWER_PREPARED, true);
    view.setUint32(slot + SLOT_RESPONSE_FORMAT, CRQ_FORMAT_SRP, true);
    view.setUint32(slot + SLOT_RESPONSE_LENGTH, length, true);
    this.#answers.push(slot);
  }

  /** [protocol] 2.7. A COMPLETE to an INIT of ours may still follow: the two have crossed. */
  #answerInit(): void {
    const result = this.#send(writeInit, CRQ_INIT_COMPLETE);
    if (result === H_SUCCESS) this.#enterConnected();
    else if (result !== H_CLOSED) this.#violate("init-unanswered");
  }

  #connected(): void {
    this.#completeOwed = false;
    this.#enterConnected();
  }

  #enterConnected(): void {
    this.#commands.renew();
    this.#state = "connected";
    this.#log.info({}, "connection initialised");
  }

  /** [protocol] 2.5: at once, before other work. */
  #answerPing(): void {
    const result = this.#send(writeMessage, CRQ_PING_RESPONSE);
    // While INIT is awaited there is no connection to end.
    if (this.#state === "waiting") return;
    if (result === H_CLOSED) this.#lose("client-dead");
    else if (result !== H_SUCCESS) this.#violate("ping-unanswered");
  }

  /** Memory refused: did the client die, or was the address bad? A ping tells. [protocol] 1.8. */
  #unreachable(violation: Violation): void {
    if (this.#send(writeMessage, CRQ_PING) === H_CLOSED) this.#lose("client-dead");
    else this.#violate(violation);
  }

  #answerRefused(result: number): void {
    if (result === H_CLOSED) this.#lose("client-dead");
    else this.#unreachable("response-copy");
  }

  /** A client that had no room takes answers again: their slots are free for what waits on the ring. */
  #answersResumed(): void {
    this.#settled();
    this.interrupt();
  }

  /** The client went away by itself: the queue is kept and its next INIT awaited. [protocol] 6.3. */
  #lose(loss: Loss, event?: number): void {
    this.#log.info({ loss, event, client: this.client }, `disconnected: ${LOSSES[loss]}`);
    this.#disconnect("keep", loss);
  }

  /** The client broke the protocol: the queue is closed and opened again. [protocol] 6.3. */
  #violate(violation: Violation): void {
    this.#log.warn({ violation, client: this.client }, `disconnecting: ${VIOLATIONS[violation]}`);
    this.#disconnect("reopen", violation);
  }

  #disconnect(then: "keep" | "reopen", reason: Violation | Loss): void {
    if (this.#state === "closed") return;
    if (this.#state !== "waiting") {
      this.#disconnects++;
      this.#lastDisconnect = reason;
    }
    // A pending disconnect may only be upgraded. [protocol] 6.6.
    if (this.#state !== "draining" || then === "reopen") this.#afterDrain = then;
    this.#state = "draining";
    this.#completeOwed = false;
    this.#negotiates = false;
    this.#closeNexus();
    this.#answers.drop();
    this.#mads.reset(then === "keep");
    this.#commands.abandon();
    // Freed at once, so that nothing more can reach the client's memory.
    if (then === "reopen") this.#link.free();
    this.#settled();
  }

  #openNexus(): void {
    if (!this.#nexusOpen) this.#device.nexusOpened(this.nexus);
    this.#nexusOpen = true;
  }

  #closeNexus(): void {
    if (this.#nexusOpen) this.#device.nexusLost(this.nexus);
    this.#nexusOpen = false;
  }

  /** A request has ended: answers go out, and it may have been the last. Within a poll the poll does it. */
  #settled(): void {
    if (this.#polling) return;
    this.#answers.flush();
    if (this.#stop && this.#idle) this.#close();
    else this.#finishDraining();
  }

  get #idle(): boolean {
    return this.#commands.outstanding === 0 && this.#answers.empty && !this.#mads.busy;
  }

  #finishDraining(): void {
    if (this.#state !== "draining" || this.#stop || !this.#idle) return;
    if (this.#afterDrain === "reopen") return this.#open();
    this.#state = "waiting";
    // Entries of the next connection may be on the ring already.
    if (!this.#polling) this.#later(0, () => this.interrupt());
  }

  #open(): void {
    const result = this.#link.register();
    if (result !== H_SUCCESS && result !== H_CLOSED) {
      this.#log.warn({ result }, "the CRQ could not be registered; trying again");
      this.#state = "closed";
      this.#link.free();
      return this.#later(RETRY_INTERVAL, () => this.#open());
    }
    this.#state = "waiting";
    this.#link.signal(true);
    this.#completeOwed = this.#send(writeInit, CRQ_INIT) === H_SUCCESS;
  }

  #close(): void {
    this.#cancelTimer();
    this.#state = "closed";
    this.#closeNexus();
    this.#link.close();
    this.#commands.close();
    this.#mads.close();
    this.#stop?.resolve();
  }

  #later(milliseconds: number, work: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(milliseconds, work);
  }

  #send(write: (bytes: Uint8Array, at: number, code: number) => void, code: number): number {
    const { memory, adapter } = this.#link;
    write(memory.u8, adapter + ADAPTER_ENTRY, code);
    return this.#link.send(adapter + ADAPTER_ENTRY);
  }

  #release(slot: number): void {
    this.#link.core.slot_release(this.#link.adapter, slot);
  }
}
