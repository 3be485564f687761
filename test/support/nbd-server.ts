import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** An NBD server of someone else's, on a Unix socket of the test's, killed and started again as the test likes. */
export class NbdServer {
  readonly uri: string;
  readonly #command: readonly string[];
  readonly #socket: string;
  #process: ChildProcess | undefined;

  /** @param command with its arguments; it has to listen on `socket` */
  constructor(socket: string, command: readonly string[], exportName = "") {
    this.#socket = socket;
    this.#command = command;
    this.uri = `nbd+unix:///${exportName}?socket=${socket}`;
  }

  /** Starts it. Resolves when it takes connections. */
  async start(): Promise<void> {
    const [name = "", ...args] = this.#command;
    // One that was killed has left it.
    rmSync(this.#socket, { force: true });
    const child = spawn(name, args, { stdio: ["ignore", "ignore", "pipe"] });
    this.#process = child;
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
    });
    for (let tries = 0; tries < 500; tries++) {
      if (child.exitCode !== null) throw new Error(`${name} ended: ${said}`);
      if (await this.#listens()) return;
      await pause(10);
    }
    throw new Error(`${name} does not listen on ${this.#socket}`);
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  }

  #listens(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.#socket);
      socket.on("error", () => resolve(false));
      socket.on("connect", () => {
        socket.destroy();
        resolve(true);
      });
    });
  }
}
