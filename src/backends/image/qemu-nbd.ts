import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { ImageFormatName } from "./formats.ts";

/** How QEMU uses the page cache: `writeback` keeps writes in it until a flush, `none` goes around it. Both keep what is flushed. */
export type ImageCache = "writeback" | "none";

export interface QemuNbdOptions {
  /** Path of qemu-nbd. */
  readonly program: string;
  /** Path of setpriv, which has the kernel end qemu-nbd when we are gone; undefined where there is none. */
  readonly setpriv: string | undefined;
  /** Absolute path of the image. */
  readonly path: string;
  readonly format: ImageFormatName;
  readonly readOnly: boolean;
  /** Files that the image names may be opened. */
  readonly references: boolean;
  readonly cache: ImageCache;
  readonly connections: number;
  /** Unix socket where it is to listen. */
  readonly socket: string;
  readonly log: Log;
  readonly clock?: Clock;
}

const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 5_000;
/** Whoever has lived that long, in milliseconds, is started again at once. */
const LIVED_WELL = 10_000;
/** How long it may take to close its image before it is killed. */
const CLOSING_MOST = 30_000;
/** Bytes that are kept of what it says. */
const SAID_MOST = 2_000;

/**
 * A qemu-nbd process that serves one image to us alone, started again when it dies. It ends with its last connection, and by a
 * signal from the kernel when our process is gone, however that came: both let it flush and close its image.
 */
export class QemuNbd {
  readonly #options: QemuNbdOptions;
  readonly #clock: Clock;
  #child: ChildProcess | undefined;
  #gone: Promise<string> = Promise.resolve("it has not been started");
  #startedAt = 0;
  #said = "";
  #keptUp = false;
  #pause = FIRST_PAUSE;
  #cancelRestart = () => {};

  constructor(options: QemuNbdOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  get socket(): string {
    return this.#options.socket;
  }

  /** Starts it. @returns what it said, when it has ended */
  start(): Promise<string> {
    const { program, setpriv, socket } = this.#options;
    // One that was killed has left it.
    rmSync(socket, { force: true });
    const command = [program, ...serveArguments(this.#options)];
    if (setpriv !== undefined) command.unshift(setpriv, "--pdeathsig", "TERM", "--no-new-privs");
    const [name = "", ...args] = command;
    // In a session of its own: what a terminal's keys send is for us.
    const child = spawn(name, args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, LC_ALL: "C" },
      detached: true,
    });
    this.#child = child;
    this.#said = "";
    this.#startedAt = this.#clock.now();
    child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#hear(text));
    this.#gone = new Promise((resolve) => {
      const end = (reason: string) => {
        if (this.#child === child) this.#ended(reason);
        resolve(this.#said.trim() || reason);
      };
      child.once("error", ({ message }) => end(message));
      child.once("close", (code, signal) => end(signal === null ? `exit status ${code}` : `signal ${signal}`));
    });
    return this.#gone;
  }

  /** From now on it is started again whenever it ends. */
  keepUp(): void {
    this.#keptUp = true;
    if (this.#child === undefined) this.#restart();
  }

  /** Ends it. Resolves when its image is closed. */
  async end(): Promise<void> {
    this.#keptUp = false;
    this.#cancelRestart();
    this.#child?.kill("SIGTERM");
    const cancel = this.#clock.after(CLOSING_MOST, () => {
      this.#options.log.error({ image: this.#options.path }, "qemu-nbd does not end: it is killed");
      this.#child?.kill("SIGKILL");
    });
    await this.#gone;
    cancel();
    rmSync(this.#options.socket, { force: true });
  }

  #hear(text: string): void {
    this.#said = (this.#said + text).slice(-SAID_MOST);
    if (this.#keptUp)
      this.#options.log.warn({ image: this.#options.path }, `qemu-nbd: ${text.trim().slice(0, SAID_MOST)}`);
  }

  #ended(reason: string): void {
    this.#child = undefined;
    if (!this.#keptUp) return;
    this.#options.log.error({ image: this.#options.path, reason }, "qemu-nbd has ended: starting it again");
    if (this.#clock.now() - this.#startedAt > LIVED_WELL) this.#pause = FIRST_PAUSE;
    this.#cancelRestart = this.#clock.after(this.#pause, () => this.#restart());
    this.#pause = Math.min(LONGEST_PAUSE, this.#pause * 2);
  }

  #restart(): void {
    void this.start();
  }
}

function serveArguments(options: QemuNbdOptions): string[] {
  const { path, format, readOnly, references, cache, connections, socket } = options;
  // Named like this, the image alone is opened, whatever it says of a backing file.
  const alone = JSON.stringify({ driver: format, backing: null, file: { driver: "file", filename: path } });
  return [
    `--socket=${socket}`,
    `--shared=${connections}`,
    `--cache=${cache}`,
    "--discard=unmap",
    ...(readOnly ? ["--read-only"] : []),
    ...(references ? [`--format=${format}`, path] : [`json:${alone}`]),
  ];
}
