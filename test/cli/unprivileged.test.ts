import { execFile, spawn } from "node:child_process";
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
/** Two users that need no entry in /etc/passwd, and no group of the other. */
const OWNER = 54_321;
const STRANGER = 54_322;
const ADAPTER = "bus/vio/drivers/ibmvscsis/71000003";
const PLACE = "0x71000003";

/** True where we can be other users. */
function canBeOthers(): boolean {
  const root = process.getuid?.() === 0;
  if (!root && process.env.VSCSI_REQUIRE_ALL === "1") throw new Error("not root: can't be two other users");
  return root;
}

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe.skipIf(!canBeOthers())("an unprivileged user, without FUSE", () => {
  const folder = mkdtempSync(join(tmpdir(), "vscsi-users-"));
  const installed = join(folder, "package");
  const cli = join(installed, "dist/cli/main.js");
  const run = join(folder, "owner");
  const home = { owner: run, stranger: join(folder, "stranger") };
  const image = join(run, "disk.img");
  const disc = join(run, "disc.iso");
  let daemon: ReturnType<typeof spawn>;
  let log = "";

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    // Where the package is, others may not be able to look: it is installed where they can.
    mkdirSync(installed);
    for (const part of ["dist", "build", "package.json", "node_modules/koffi", "node_modules/@koromix"])
      if (existsSync(join(ROOT, part))) cpSync(join(ROOT, part), join(installed, part), { recursive: true });
    for (const [path, uid] of [
      [home.owner, OWNER],
      [home.stranger, STRANGER],
    ] as const) {
      mkdirSync(path, { mode: 0o700 });
      chownSync(path, uid, uid);
    }
    daemon = spawn(
      process.execPath,
      [cli, "serve", "--memory", "1M", "--state", join(run, "state"), "--mount", join(run, "mount")],
      { ...as(OWNER, home.owner), stdio: ["ignore", "ignore", "pipe"] },
    );
    daemon.stderr?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
    for (let wait = 0; wait < 400 && daemon.exitCode === null && !log.includes("serving"); wait++) await sleep(50);
    expect(log).toContain('"serving"');
  }, 60_000);
  afterAll(async () => {
    if (daemon.exitCode === null) {
      const ended = new Promise((done) => daemon.once("exit", done));
      daemon.kill("SIGTERM");
      expect(await ended).toBe(0);
    }
    rmSync(folder, { recursive: true, force: true });
  });

  function as(uid: number, runtime: string) {
    const env = { PATH: process.env.PATH, XDG_RUNTIME_DIR: runtime, HOME: runtime };
    return { uid, gid: uid, cwd: "/", env };
  }

  function command(uid: number, runtime: string, program: string, args: readonly string[]): Promise<Ended> {
    return new Promise((done) => {
      execFile(program, args, { ...as(uid, runtime), timeout: 30_000 }, (error, stdout, stderr) => {
        done({ status: error === null ? 0 : typeof error.code === "number" ? error.code : 1, stdout, stderr });
      });
    });
  }

  const vscsi = (...args: string[]) => command(OWNER, home.owner, process.execPath, [cli, ...args]);

  async function done(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await vscsi(...args);
    expect({ args, status, stderr }).toEqual({ args, status: 0, stderr: "" });
    return stdout;
  }

  test("is told that there is no mount, and what to use, and is served all the same", async () => {
    expect(log).toMatch(/mount/);
    expect(log).toMatch(/root/);
    expect(await done("status")).toContain("71000003");
  });

  test("adapters, buses, targets and units come and go", async () => {
    await command(OWNER, home.owner, "truncate", ["-s", "1M", image, disc]);
    await done("mkdir", `${ADAPTER.slice(0, -1)}4`);
    await done("rmdir", `${ADAPTER.slice(0, -1)}4`);
    await done("set", `${ADAPTER}/num_buses`, "2");
    await done("set", `${ADAPTER}/bus1/target0/device`, image);
    await done("set", `${ADAPTER}/bus1/target0/active`, "1");
    expect(await done("cat", `${ADAPTER}/bus1/target0/size`)).toBe("1048576\n");
    await done("unit", "add", `${PLACE}/5`, "--memory", "2M");
    await done("unit", "resize", `${PLACE}/5`, "3M");
    await done("unit", "write-protect", `${PLACE}/5`);
    await done("unit", "remove", `${PLACE}/5`);
    await done("unit", "add", `${PLACE}/6`, "--optical");
    await done("medium", "load", `${PLACE}/6`, "--disk", disc);
    await done("medium", "eject", `${PLACE}/6`);
    expect(await done("tree")).toContain("target6");
    expect(await done("ls", ADAPTER)).toContain("bus1/");
    expect(await done("doc", `${ADAPTER}/num_buses`)).toContain("number of buses");
    expect(await done("log-level", "warn")).toContain("warn");
  });

  test("the configuration is saved, applied, and there after a restart", async () => {
    const saved = join(run, "saved.json");
    await done("save", saved);
    expect(await done("apply", "--dry-run", saved)).toMatch(/nothing|no change/i);
    expect(statSync(join(run, "state/configuration.json")).uid).toBe(OWNER);
  });

  test("the demo runs", async () => {
    expect(
      await done("demo", "--once", "--control", join(run, "demo.sock"), "--socket", join(run, "demo-guest.sock")),
    ).toContain("verified");
  });

  test("another user can't reach the daemon, its guests' sockets or what it keeps", async () => {
    const socket = join(run, "vscsi/control.sock");
    const stranger = (program: string, ...args: string[]) => command(STRANGER, home.stranger, program, args);
    const refused = await stranger(process.execPath, cli, "status", "--control", socket);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("only its owner may connect") });
    expect(await stranger("ls", join(run, "state"))).toMatchObject({ status: 2 });
    expect(await stranger("ls", join(run, "vscsi"))).toMatchObject({ status: 2 });
    expect(
      await stranger(process.execPath, cli, "serve", "--memory", "1M", "--state", join(run, "state")),
    ).toMatchObject({
      status: 1,
    });
  });

  test("not even where the folders above are open to everybody", async () => {
    chmodSync(run, 0o777);
    const socket = join(run, "vscsi/control.sock");
    const stranger = (program: string, ...args: string[]) => command(STRANGER, home.stranger, program, args);
    try {
      for (const path of ["vscsi", "state"]) expect(statSync(join(run, path)).mode & 0o077).toBe(0);
      expect((await stranger(process.execPath, cli, "status", "--control", socket)).status).toBe(1);
      expect((await stranger("rm", "-f", socket)).status).toBe(1);
      expect((await stranger("cat", join(run, "state/configuration.json"))).status).toBe(1);
      // Nor does the socket itself let others in when it lies in the open.
      chmodSync(join(run, "vscsi"), 0o777);
      expect(await stranger(process.execPath, cli, "status", "--control", socket)).toMatchObject({ status: 1 });
      const taken = await stranger(process.execPath, cli, "serve", "--memory", "1M", "--control", socket);
      expect(taken).toMatchObject({ status: 1, stderr: expect.stringContaining(socket) });
      expect(await done("status")).toContain("71000003");
    } finally {
      chmodSync(join(run, "vscsi"), 0o700);
      chmodSync(run, 0o700);
    }
  });
});
