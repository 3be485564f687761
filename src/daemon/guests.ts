import type { Config } from "../config/schema.ts";
import type { Log } from "../core/log.ts";
import type { QemuLink } from "../ports/qemu/qemu-link.ts";
import { QemuPort } from "../ports/qemu/qemu-port.ts";

type GuestConfig = Config["guests"][number];

/** The QEMU guests whose bridges may connect, by name. */
export class Guests {
  readonly #log: Log;
  readonly #ports = new Map<string, { config: GuestConfig; port: QemuPort }>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Makes the port of a guest; nobody can connect before `listen`. */
  add(config: GuestConfig): void {
    this.#ports.set(config.name, { config, port: new QemuPort([], this.#log, config.pollMicroseconds) });
  }

  /** @throws SocketError */
  async listen(name: string): Promise<void> {
    const { config, port } = this.#get(name);
    await port.listen(config.socket);
    this.#log.info({ guest: name, socket: config.socket }, "waiting for the guest's bridge");
  }

  /** Takes over what needs no new socket. */
  change(config: GuestConfig): void {
    const { port } = this.#get(config.name);
    port.poll(config.pollMicroseconds);
    this.#ports.set(config.name, { config, port });
  }

  /** Of a guest without adapters. */
  async remove(name: string): Promise<void> {
    const { port } = this.#get(name);
    this.#ports.delete(name);
    await port.close();
  }

  addLink(name: string, link: QemuLink): void {
    this.#get(name).port.addLink(link);
  }

  removeLink(name: string, link: QemuLink): void {
    this.#ports.get(name)?.port.removeLink(link);
  }

  /** Path of the socket of a guest. */
  socketOf(name: string): string | undefined {
    return this.#ports.get(name)?.config.socket;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#ports.values()].map(({ port }) => port.close()));
  }

  #get(name: string): { config: GuestConfig; port: QemuPort } {
    const found = this.#ports.get(name);
    if (found === undefined) throw new Error(`no guest is named ${name}`);
    return found;
  }
}
