import { expect } from "vitest";
import { parseIscsiUrl } from "../../../src/backends/iscsi/address.ts";
import { IscsiDevice } from "../../../src/backends/iscsi/iscsi-device.ts";
import { type Log, silentLog } from "../../../src/core/log.ts";
import type { SharedMemory } from "../../../src/core/shared-memory.ts";
import { DeviceCalls } from "../../support/device-calls.ts";
import { type Behaviour, HandIscsiTarget, type LoginBehaviour } from "../../support/hand-iscsi-target.ts";

export interface TargetOptions {
  /** What the target answers to keys. */
  keys?: Record<string, string>;
  peripheralDeviceType?: number;
  retryFor?: number;
}

export interface Opened {
  readonly target: HandIscsiTarget;
  readonly device: IscsiDevice;
  readonly calls: DeviceCalls;
  /** How often the device has found its session lost. */
  losses(): number;
}

/** Counts the losses that it is told of. */
class LossLog implements Log {
  readonly debug = silentLog.debug;
  readonly info = silentLog.info;
  readonly error = silentLog.error;
  losses = 0;

  warn(_fields: object, message: string): void {
    if (message.includes("connecting again")) this.losses++;
  }
}

/** Targets that do what a test wants, each with a device of ours on it. */
export class OpenTargets {
  readonly #memory: SharedMemory;
  #targets: HandIscsiTarget[] = [];
  #devices: IscsiDevice[] = [];

  constructor(memory: SharedMemory) {
    this.#memory = memory;
  }

  async open(behaviour: Behaviour, options: TargetOptions = {}, login?: LoginBehaviour): Promise<Opened> {
    const target = await this.#serve(behaviour, options, login);
    const log = new LossLog();
    const device = await this.#device(target.url, log, options.retryFor);
    return { target, device, calls: new DeviceCalls(this.#memory, device), losses: () => log.losses };
  }

  /** A login that does not come through, with a message that contains `message`. */
  async refused(login: LoginBehaviour, message: string, keys: Record<string, string> = {}): Promise<void> {
    const { url } = await this.#serve(() => {}, { keys }, login);
    await expect(this.#device(url, silentLog)).rejects.toThrow(message);
  }

  async close(): Promise<void> {
    for (const target of this.#targets) target.close();
    for (const device of this.#devices) await device.close();
    this.#targets = [];
    this.#devices = [];
  }

  async #serve(behaviour: Behaviour, options: TargetOptions, login: LoginBehaviour = () => undefined) {
    const target = await HandIscsiTarget.start(behaviour);
    target.keys = options.keys ?? {};
    target.peripheralDeviceType = options.peripheralDeviceType ?? 0;
    target.login = login;
    this.#targets.push(target);
    return target;
  }

  async #device(url: string, log: Log, retryFor = 20_000): Promise<IscsiDevice> {
    const address = parseIscsiUrl(url);
    const device = await IscsiDevice.open(this.#memory, {
      address,
      identity: {
        initiatorName: "iqn.2026-11.net.example:us",
        targetName: address.target,
        chap: undefined,
        wishes: { headerDigest: false, dataDigest: false },
      },
      queueDepth: 64,
      loginTimeout: 2000,
      times: { idle: 500, answer: 1000 },
      retryFor,
      log,
    });
    this.#devices.push(device);
    return device;
  }
}
