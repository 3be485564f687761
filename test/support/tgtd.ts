import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
/** Which tgtd a tgtadm speaks to; tests of other files have theirs in folders of their own. */
let controlPorts = 1;

export interface TgtdTarget {
  readonly name: string;
  /** Image files, from LUN 1 on: tgtd keeps LUN 0 for itself. */
  readonly images: readonly string[];
  /** More flags of the logical units, such as `--device-type tape`. */
  readonly unitFlags?: readonly string[];
  readonly chap?: { user: string; secret: string; mutualUser?: string; mutualSecret?: string };
  /** Serial number of the first unit, and SCSI identifier made of it. */
  readonly serial?: string;
  /** Parameters of the target's, such as `DataDigest: "CRC32C"`. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** Debian's tgtd on a port of 127.0.0.1, killed and started again as the test likes. Needs root. */
export class Tgtd {
  readonly port: number;
  #targets: readonly TgtdTarget[];
  readonly #control = String(++controlPorts);
  readonly #env: NodeJS.ProcessEnv;
  #process: ChildProcess | undefined;
  #said = "";

  private constructor(folder: string, port: number, targets: readonly TgtdTarget[]) {
    const sockets = join(folder, `tgtd-${port}`);
    mkdirSync(sockets);
    this.port = port;
    this.#targets = targets;
    this.#env = { ...process.env, TGT_IPC_SOCKET: join(sockets, "socket") };
  }

  static async start(folder: string, targets: readonly TgtdTarget[]): Promise<Tgtd> {
    const tgtd = new Tgtd(folder, await freePort(), targets);
    await tgtd.start();
    return tgtd;
  }

  url({ name }: TgtdTarget, lun = 1): string {
    return `iscsi://127.0.0.1:${this.port}/${name}/${lun}`;
  }

  /** Starts it, and makes its targets; others than before, if told. */
  async start(targets = this.#targets): Promise<void> {
    this.#targets = targets;
    const args = ["-f", "-C", this.#control, "--iscsi", `portal=127.0.0.1:${this.port}`];
    const child = spawn("tgtd", args, { stdio: ["ignore", "pipe", "pipe"], env: this.#env });
    this.#process = child;
    const keep = (chunk: Buffer) => {
      this.#said += chunk.toString();
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    await this.#whenUp(child);
    for (const [index, target] of this.#targets.entries()) await this.#make(index + 1, target);
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  }

  /** Stops it where it is, so that it answers nothing and closes nothing; and lets it go on. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  async #whenUp(child: ChildProcess): Promise<void> {
    for (let tries = 0; tries < 200; tries++) {
      if (child.exitCode !== null) throw new Error(`tgtd ended: ${this.#said}`);
      const up = await this.#tgtadm("--op", "show", "--mode", "target").then(
        () => true,
        () => false,
      );
      if (up) return;
      await pause(20);
    }
    throw new Error(`tgtd does not come up: ${this.#said}`);
  }

  async #make(tid: number, { name, images, unitFlags = [], chap, serial, parameters = {} }: TgtdTarget): Promise<void> {
    const target = ["--tid", String(tid)];
    await this.#tgtadm("--op", "new", "--mode", "target", ...target, "--targetname", name);
    for (const [key, value] of Object.entries(parameters))
      await this.#tgtadm("--op", "update", "--mode", "target", ...target, "--name", key, "--value", value);
    for (const [index, image] of images.entries()) {
      const unit = ["--mode", "logicalunit", ...target, "--lun", String(index + 1)];
      await this.#tgtadm("--op", "new", ...unit, "--backing-store", image, ...unitFlags);
    }
    if (serial !== undefined) {
      const unit = ["--mode", "logicalunit", ...target, "--lun", "1"];
      await this.#tgtadm("--op", "update", ...unit, "--params", `scsi_sn=${serial},scsi_id=${serial}`);
    }
    if (chap !== undefined) {
      await this.#account(tid, chap.user, chap.secret, []);
      if (chap.mutualUser !== undefined)
        await this.#account(tid, chap.mutualUser, chap.mutualSecret ?? "", ["--outgoing"]);
    }
    await this.#tgtadm("--op", "bind", "--mode", "target", ...target, "--initiator-address", "ALL");
  }

  async #account(tid: number, user: string, secret: string, flags: readonly string[]): Promise<void> {
    await this.#tgtadm("--op", "new", "--mode", "account", "--user", user, "--password", secret);
    await this.#tgtadm("--op", "bind", "--mode", "account", "--tid", String(tid), "--user", user, ...flags);
  }

  async #tgtadm(...args: string[]): Promise<string> {
    const { stdout } = await run("tgtadm", ["-C", this.#control, "--lld", "iscsi", ...args], { env: this.#env });
    return stdout;
  }
}

/** An image file of so many bytes, all of them hole. */
export function makeImage(path: string, size: number): string {
  writeFileSync(path, "");
  truncateSync(path, size);
  return path;
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("127.0.0.1: no free TCP port");
  return address.port;
}
