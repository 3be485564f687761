import { type Clock, systemClock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { DeviceError } from "../../scsi/passthrough/device-error.ts";
import {
  type DeviceOutcome,
  type DeviceRequest,
  DIRECTION_FROM_DEVICE,
  DIRECTION_TO_DEVICE,
  type ScsiDevice,
} from "../../scsi/passthrough/scsi-device.ts";
import { type IscsiAddress, lunBytes } from "./address.ts";
import { type Command, CommandTable } from "./command.ts";
import { ConnectError, connectSession } from "./connect.ts";
import { type DeviceIdentity, identify } from "./device-identity.ts";
import { claimIsid, releaseIsid } from "./isid.ts";
import type { LoginIdentity } from "./login.ts";
import { ResendPolicy } from "./resend.ts";
import type { Session, SessionOwner, SessionTimes } from "./session.ts";

/** Bytes of one command: as much as a portal of ours takes. */
const TRANSFER_MAXIMUM = 0x100_0000;
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 1000;
/** How often commands are looked at that may have waited too long. Milliseconds. */
const TICK = 50;

/** All times are milliseconds. */
export interface IscsiDeviceOptions {
  readonly address: IscsiAddress;
  readonly identity: LoginIdentity;
  readonly queueDepth: number;
  /** For the connection, the login, and the first words with the unit, each. */
  readonly loginTimeout: number;
  readonly times: SessionTimes;
  /** A command ends when it has waited so long for a session. */
  readonly retryFor: number;
  readonly log: Log;
  readonly clock?: Clock;
}

/**
 * A logical unit of an iSCSI target. When the session is lost a new one takes its place, and the commands that were with
 * the target are sent again as far as `ResendPolicy` lets them be; those that have not been sent wait for it.
 */
export class IscsiDevice implements ScsiDevice, SessionOwner {
  readonly kind = "iscsi";
  readonly description: string;
  readonly queueDepth: number;
  readonly transferMaximum = TRANSFER_MAXIMUM;
  readonly #memory: SharedMemory;
  readonly #options: IscsiDeviceOptions;
  readonly #clock: Clock;
  readonly #isid: Uint8Array;
  readonly #table = new CommandTable();
  readonly #policy: ResendPolicy;
  #identity: DeviceIdentity | undefined;
  #session: Session | undefined;
  #portalGroupTag: number | undefined;
  /** Commands that are not with the target, in the order in which they go there. */
  #waiting: Command[] = [];
  /** Told of the end of the reset that is under way. */
  #resets: (() => void)[] = [];
  /** When the session was lost. */
  #lostAt = 0;
  #closed = false;
  #ticking = false;
  /** Ends the attempt to connect that is under way. */
  #endAttempt: () => void = () => {};
  #whenLost: () => void = () => {};

  private constructor(memory: SharedMemory, options: IscsiDeviceOptions) {
    this.#memory = memory;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#policy = new ResendPolicy(memory);
    this.description = options.address.text;
    this.queueDepth = options.queueDepth;
    this.#isid = claimIsid(`${options.identity.initiatorName} ${options.address.text}`);
  }

  /** Connects for the first time. @throws DeviceError */
  static async open(memory: SharedMemory, options: IscsiDeviceOptions): Promise<IscsiDevice> {
    const device = new IscsiDevice(memory, options);
    try {
      await device.#connect();
    } catch (error) {
      releaseIsid(device.#isid);
      throw new DeviceError(`${options.address.text}: ${(error as Error).message}`);
    }
    return device;
  }

  execute(request: DeviceRequest): void {
    const command = this.#table.take(request, this.#clock.now());
    command.outLength = request.direction === DIRECTION_TO_DEVICE ? request.dataLength : 0;
    command.inLength = request.direction === DIRECTION_FROM_DEVICE ? request.dataLength : 0;
    this.#policy.begin(command);
    this.#waiting.push(command);
    this.#pump();
    this.#watch();
  }

  abort(request: DeviceRequest): void {
    const index = this.#waiting.findIndex((command) => command.request === request);
    const [waiting] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (waiting !== undefined) return queueMicrotask(() => this.#conclude(waiting, "aborted", ABORTED));
    for (const command of this.#session?.commands ?? [])
      if (command.request === request) this.#session?.abort(command, "aborted");
  }

  reset(then: () => void): void {
    this.#resets.push(then);
    const waiting = this.#waiting.splice(0);
    queueMicrotask(() => {
      for (const command of waiting) this.#conclude(command, "aborted", ABORTED);
      // Without a session nothing is there to be reset: the next one begins with a unit attention of its own.
      if (this.#session === undefined) this.#endResets();
    });
    this.#session?.resetUnit();
  }

  async close(): Promise<void> {
    this.#closed = true;
    const waiting = this.#waiting.splice(0);
    for (const command of waiting) this.#conclude(command, "aborted", ABORTED);
    this.#endAttempt();
    await new Promise<void>((resolve) => {
      this.#whenLost = resolve;
      if (this.#session === undefined) resolve();
      else this.#session.logOut();
    });
    releaseIsid(this.#isid);
  }

  ended(command: Command): void {
    if (command.request.outcome === "answered" && this.#session !== undefined)
      this.#policy.answered(command, this.#session.commands);
    this.#finish(command);
    this.#pump();
  }

  widened(): void {
    this.#pump();
  }

  unitReset(): void {
    this.#endResets();
  }

  lost({ wait }: Session, reason: string, commands: readonly Command[]): void {
    this.#session = undefined;
    this.#lostAt = this.#clock.now();
    const all = this.#closed || this.#resets.length > 0;
    const again: Command[] = [];
    for (const command of commands) {
      if (command.answered) this.#finish(command);
      else if (command.ending !== undefined || all) this.#conclude(command, command.ending ?? "aborted", reason);
      else if (this.#policy.maySendAgain(command)) again.push(command);
      else this.#conclude(command, "lost", reason);
    }
    this.#waiting.unshift(...again);
    this.#endResets();
    if (this.#closed) return this.#whenLost();
    this.#options.log.warn(
      { iscsi: this.description, reason, commands: commands.length, again: again.length },
      "session with the iSCSI target lost: connecting again",
    );
    void this.#reconnect(wait);
  }

  /** Makes a session, and sees that the unit is still the same one. @throws with a text that tells why not */
  async #connect(): Promise<void> {
    const { address, identity, loginTimeout, times } = this.#options;
    const session = await connectSession({
      host: address.host,
      port: address.port,
      identity,
      isid: this.#isid,
      timeout: loginTimeout,
      session: { memory: this.#memory, clock: this.#clock, times, lun: lunBytes(address.lun) },
      attempt: (end) => {
        this.#endAttempt = end;
        if (this.#closed) end();
      },
    });
    try {
      this.#accept(session, await identify(session, this.#memory, this.#clock, loginTimeout));
    } catch (error) {
      session.lose("it is of no use");
      throw error;
    }
  }

  /** @throws when the session can't take the old one's place */
  #accept(session: Session, found: DeviceIdentity): void {
    if (session.ended || this.#closed) throw new ConnectError("the session was lost at once");
    const known = this.#identity;
    if (known !== undefined && !sameDevice(known, found))
      throw new ConnectError(`another logical unit is there now: ${found.product.trim()}`);
    const waiting = this.#waiting;
    // A session in another portal group does not end the old one, which may still be at work.
    if (known !== undefined && session.portalGroupTag !== this.#portalGroupTag) {
      const lost = waiting.filter((command) => command.wasSent && !this.#policy.maySendElsewhere(command));
      this.#waiting = waiting.filter((command) => !lost.includes(command));
      for (const command of lost) this.#conclude(command, "lost", "the target has moved");
    }
    this.#identity = found;
    this.#portalGroupTag = session.portalGroupTag;
    this.#policy.sessionBegun(found.peripheralDeviceType);
    session.owner = this;
    this.#session = session;
    this.#endAttempt = () => {};
    this.#pump();
  }

  /** Tries until it has a session. What waits too long meanwhile ends by `#tick`. */
  async #reconnect(wait: number): Promise<void> {
    const { log } = this.#options;
    let pause = FIRST_PAUSE;
    await this.#sleep(wait);
    for (let told = ""; !this.#closed; ) {
      try {
        await this.#connect();
        return log.info({ iscsi: this.description }, "session with the iSCSI target made again");
      } catch (error) {
        const { message } = error as Error;
        if (message !== told) log.warn({ iscsi: this.description, error: message }, "the iSCSI target can't be used");
        told = message;
      }
      await this.#sleep(pause);
      pause = Math.min(LONGEST_PAUSE, pause * 2);
    }
  }

  #sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(milliseconds, resolve));
  }

  /** Sends what waits, as far as the target takes it. */
  #pump(): void {
    while (this.#resets.length === 0 && this.#session?.takesCommands) {
      const command = this.#waiting.shift();
      if (command === undefined) return;
      this.#session.send(command);
    }
  }

  #conclude(command: Command, outcome: DeviceOutcome, reason: string): void {
    const { request } = command;
    request.outcome = outcome;
    request.reason = reason;
    request.residual = request.dataLength;
    this.#finish(command);
  }

  #finish(command: Command): void {
    const { request } = command;
    this.#table.giveBack(command);
    request.deviceDone();
  }

  #endResets(): void {
    for (const then of this.#resets.splice(0)) then();
    this.#pump();
  }

  /** Looks, as long as there are commands, whether one has been here too long. */
  #watch(): void {
    if (this.#ticking) return;
    this.#ticking = true;
    this.#clock.after(TICK, () => this.#tick());
  }

  #tick(): void {
    this.#ticking = false;
    const now = this.#clock.now();
    const late = this.#waiting.filter((command) => this.#lateness(command, now) !== undefined);
    if (late.length > 0) this.#waiting = this.#waiting.filter((command) => !late.includes(command));
    for (const command of late)
      this.#conclude(command, this.#lateness(command, now) ?? "busy", "no session with the iSCSI target");
    for (const command of this.#session?.commands ?? [])
      if (now - command.since > command.request.timeout) this.#session?.abort(command, "timed out");
    if (this.#waiting.length > 0 || (this.#session?.commands.size ?? 0) > 0) this.#watch();
  }

  /** How a command that waits has to end now; undefined when it may wait on. */
  #lateness({ since, wasSent, request }: Command, now: number): DeviceOutcome | undefined {
    const waited = now - Math.max(since, this.#lostAt);
    if (this.#session === undefined && waited > this.#options.retryFor) return wasSent ? "lost" : "busy";
    return now - since > request.timeout ? "timed out" : undefined;
  }
}

/** Why a command ends that has not been sent. */
const ABORTED = "before it was sent";

function sameDevice(known: DeviceIdentity, found: DeviceIdentity): boolean {
  return (
    known.peripheralDeviceType === found.peripheralDeviceType &&
    known.product === found.product &&
    known.designators === found.designators
  );
}
