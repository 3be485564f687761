import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DaemonProcess } from "./daemon-process.ts";

const SHELL_TIMEOUT_SECONDS = "60";

/** True where the tree can be mounted: root, and a kernel with FUSE. */
export function mountable(): boolean {
  const can = process.getuid?.() === 0 && existsSync("/dev/fuse");
  if (!can && process.env.VSCSI_REQUIRE_ALL === "1") throw new Error("the tree can't be mounted: not root, or no FUSE");
  return can;
}

export interface ShellResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a shell script. Never by a synchronous call, and never with the mount as its working folder: the process that
 * waits may be the one that serves it.
 */
export function shell(script: string, ...args: readonly string[]): Promise<ShellResult> {
  const bash = ["bash", "--norc", "--noprofile", "-c", script, "script", ...args];
  const command = ["-s", "KILL", SHELL_TIMEOUT_SECONDS, "env", "-i", `PATH=${process.env.PATH ?? ""}`, ...bash];
  return new Promise((resolve) => {
    execFile("timeout", command, { cwd: "/", maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const code: unknown = error === null ? 0 : error.code;
      resolve({ status: typeof code === "number" ? code : 1, stdout, stderr });
    });
  });
}

/** A daemon in a process of its own, with a state directory and its tree mounted. */
export class MountedDaemon {
  readonly folder = mkdtempSync(join(tmpdir(), "vscsi-tree-"));
  readonly mount = join(this.folder, "mount");
  readonly state = join(this.folder, "state");
  readonly drivers = join(this.mount, "bus/vio/drivers/ibmvscsis");
  #daemon: DaemonProcess | undefined;

  file(name: string): string {
    return join(this.folder, name);
  }

  get process(): DaemonProcess {
    if (this.#daemon === undefined) throw new Error("the daemon was not started");
    return this.#daemon;
  }

  async start(...args: readonly string[]): Promise<void> {
    const paths = ["--state", this.state, "--mount", this.mount, "--socket", this.file("guest.sock")];
    this.#daemon = await DaemonProcess.start(this.file("control.sock"), [...paths, ...args]);
    const deadline = Date.now() + 10_000;
    // The control socket answers a moment before the tree is mounted.
    while ((await shell(`mountpoint -q ${this.mount} && ls ${this.drivers}`)).status !== 0) {
      if (Date.now() > deadline) throw new Error(`the tree was not mounted:\n${this.process.log}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  async stop(): Promise<void> {
    await this.#daemon?.end("SIGTERM");
    await shell(`umount -l ${this.mount} 2>/dev/null`);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
