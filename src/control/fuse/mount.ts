import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Directory } from "../../config/tree.ts";
import type { Log } from "../../core/log.ts";
import { FuseSession } from "./session.ts";

/** The tree can't be mounted here; the message says why and what to do. */
export class MountError extends Error {
  readonly code = "VSCSI_MOUNT";
}

const DEVICE = "/dev/fuse";
/** What `mount` shows as the source of ours. */
const SOURCE = "vscsi";
/** How long a mount that is there already may take to show that somebody serves it, in milliseconds. */
const LIFE_SIGN = 2_000;
const UMOUNT_PATIENCE = 5_000;

/** The tree, mounted as a file system. */
export class TreeMount {
  readonly path: string;
  readonly #session: FuseSession;
  readonly #fd: number;
  readonly #log: Log;

  private constructor(path: string, fd: number, session: FuseSession, log: Log) {
    this.path = path;
    this.#fd = fd;
    this.#session = session;
    this.#log = log;
  }

  /**
   * Mounts a tree at a folder, which is made if it is not there. A mount that a dead daemon left is taken over.
   * @throws MountError
   */
  static async open(folder: string, root: Directory, log: Log): Promise<TreeMount> {
    const path = resolve(folder);
    const left = mountedAt(path);
    if (left !== undefined) await takeOver(path, left, log);
    let fd: number;
    try {
      mkdirSync(path, { recursive: true, mode: 0o755 });
      fd = openSync(DEVICE, "r+");
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new MountError(`${path}: can't be mounted: ${explain(code) ?? message}`);
    }
    const { status, complaint } = await mount(path, fd);
    if (status !== 0) {
      closeSync(fd);
      throw new MountError(`${path}: can't be mounted: ${complaint}`);
    }
    log.info({ path }, "the configuration tree is mounted");
    return new TreeMount(path, fd, new FuseSession(fd, root, log), log);
  }

  /** To be told after each change of the tree. */
  changed(): void {
    this.#session.changed();
  }

  /** Unmounts; whoever still uses a file loses it. */
  async close(): Promise<void> {
    const { status, complaint } = await run("umount", [this.path]);
    if (status !== 0 && mountedAt(this.path) !== undefined) {
      this.#log.warn({ path: this.path, complaint }, "the mount is in use: it is taken away from its users");
      await run("umount", ["-f", this.path]);
      await run("umount", ["-l", this.path]);
    }
    // The read that is under way ends when the kernel has let go.
    await Promise.race([this.#session.ended, new Promise((done) => setTimeout(done, UMOUNT_PATIENCE).unref())]);
    closeSync(this.#fd);
  }
}

function mount(path: string, fd: number): Promise<Run> {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const options = `fd=3,rootmode=40000,user_id=${uid},group_id=${gid},default_permissions`;
  return run("mount", ["-i", "-t", "fuse", "-o", options, SOURCE, path], fd);
}

interface Run {
  readonly status: number | null;
  readonly complaint: string;
}

/** Runs a program of the system. @param fd what it finds as descriptor 3 */
function run(command: string, args: readonly string[], fd?: number): Promise<Run> {
  return new Promise((done) => {
    const stdio =
      fd === undefined ? (["ignore", "ignore", "pipe"] as const) : (["ignore", "ignore", "pipe", fd] as const);
    const child = spawn(command, args, { stdio: [...stdio], env: { PATH: process.env.PATH ?? "" }, cwd: "/" });
    let complaint = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      complaint += text;
    });
    child.once("error", (error) => done({ status: null, complaint: error.message }));
    child.once("close", (status) => done({ status, complaint: complaint.trim() }));
  });
}

/** What is mounted at a folder, if anything is: its type and source. [proc] mountinfo. */
function mountedAt(path: string): { type: string; source: string } | undefined {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  for (const line of lines.reverse()) {
    const [place, about] = line.split(" - ");
    if (unescaped(place?.split(" ")[4] ?? "") !== path) continue;
    const [type = "", source = ""] = about?.split(" ") ?? [];
    return { type, source };
  }
  return undefined;
}

/** Blanks and their like are written in octal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

async function takeOver(path: string, { type, source }: { type: string; source: string }, log: Log): Promise<void> {
  if (type !== "fuse" || source !== SOURCE)
    throw new MountError(`${path}: ${source} is mounted there: unmount it, or name another folder`);
  const late = new Promise<undefined>((done) => setTimeout(done, LIFE_SIGN, undefined).unref());
  const state = await Promise.race([
    stat(path).then(
      () => "alive",
      (error) => (error as NodeJS.ErrnoException).code,
    ),
    late,
  ]);
  if (state !== "ENOTCONN" && state !== "ECONNABORTED")
    throw new MountError(`${path}: another daemon's tree is mounted there: stop it, or name another folder`);
  const { status, complaint } = await run("umount", ["-l", path]);
  if (status !== 0) throw new MountError(`${path}: a dead daemon's mount can't be taken away: ${complaint}`);
  log.info({ path }, "the mount of a daemon that died is taken over");
}

function explain(code: string | undefined): string | undefined {
  if (code === "ENOENT" || code === "ENODEV" || code === "ENXIO") return `there is no ${DEVICE}: load the module fuse`;
  if (code === "EACCES" || code === "EPERM")
    return `${DEVICE} is not for this user: run the daemon as root, or go without`;
  return undefined;
}
