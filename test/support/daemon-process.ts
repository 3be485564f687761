import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { callDaemon } from "../../src/control/client.ts";
import type { DaemonStatus } from "../../src/control/results.ts";

const CLI = resolve(import.meta.dirname, "../../dist/cli/main.js");
/** How long a daemon may take to come up, in milliseconds; a loaded machine is slow. */
const START_TIMEOUT = 20_000;

/** A daemon in a process of its own, as a user starts it: `node dist/cli/main.js serve …`. */
export class DaemonProcess {
  readonly child: ChildProcess;
  readonly control: string;
  /** What it logged, one JSON object a line. */
  log = "";

  private constructor(child: ChildProcess, control: string) {
    this.child = child;
    this.control = control;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.log += text;
    });
  }

  /** Starts a daemon and waits until its control socket answers. */
  static async start(control: string, args: readonly string[]): Promise<DaemonProcess> {
    const child = spawn(process.execPath, [CLI, "serve", "--control", control, ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const daemon = new DaemonProcess(child, control);
    const deadline = Date.now() + START_TIMEOUT;
    while (!(await daemon.answers())) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`the daemon did not come up (exit status ${child.exitCode}):\n${daemon.log}`);
      await new Promise((done) => setTimeout(done, 50));
    }
    return daemon;
  }

  async status(): Promise<DaemonStatus> {
    return callDaemon(this.control, "status");
  }

  /** Ends the daemon with a signal; resolves with its exit status, or null when the signal killed it. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const exit = once(this.child, "exit");
    this.child.kill(signal);
    const [code] = await exit;
    return code as number | null;
  }

  async answers(): Promise<boolean> {
    try {
      await this.status();
      return true;
    } catch {
      return false;
    }
  }
}
