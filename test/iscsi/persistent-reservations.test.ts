import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { requires } from "../support/requires.ts";

const TARGET = "iqn.2026-11.net.example:shared";
const HEADERS = "/usr/include/iscsi/iscsi.h";
const [ONE, TWO, OTHER] = ["one", "two", "other"].map((name) => `iqn.2026-11.net.example:${name}`);
// Service actions of PERSISTENT RESERVE OUT, and types of reservation. [SPC-4] 6.16.2, 6.15.3.4.
const [REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT] = [0, 1, 2, 3, 4];
const [WRITE_EXCLUSIVE, EXCLUSIVE_ACCESS, WRITE_EXCLUSIVE_REGISTRANTS_ONLY] = [1, 3, 5];
const [RESERVATIONS_PREEMPTED, REGISTRATIONS_PREEMPTED] = ["check 6/2a03", "check 6/2a05"];

const folder = mkdtempSync(join(tmpdir(), "vscsi-reservations-"));
const program = join(folder, "initiator");
let daemon: DaemonProcess;
let portal = "";

/** A session of libiscsi's, in a process of its own. */
class Initiator {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: Interface;

  constructor(name: string) {
    this.#child = spawn(program, [name, `iscsi://${portal}/${TARGET}/0`]);
    this.#lines = createInterface({ input: this.#child.stdout });
  }

  async do(line: string): Promise<string> {
    const answer = once(this.#lines, "line", { signal: AbortSignal.timeout(10_000) });
    this.#child.stdin.write(`${line}\n`);
    return String((await answer)[0]);
  }

  prout(action: number | undefined, type: number | undefined, key: string, other = "0"): Promise<string> {
    return this.do(`prout ${action} ${type} ${key} ${other}`);
  }

  async logout(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.stdin.end("logout\n");
    await exit;
  }
}

/** Whether QEMU's initiator, which has registered nothing, may do something. */
function qemu(command: string): boolean {
  const options = `driver=raw,file.driver=iscsi,file.transport=tcp,file.portal=${portal},file.target=${TARGET},file.lun=0,file.initiator-name=${OTHER}`;
  const { status, error } = spawnSync("qemu-io", ["--image-opts", "-c", command, options], {
    encoding: "utf8",
    timeout: 30_000,
  });
  if (error) throw error;
  return status === 0;
}

const missing = !existsSync(HEADERS) || !requires("cc") || !requires("qemu-io");
if (missing && process.env.VSCSI_REQUIRE_ALL === "1") throw new Error(`${HEADERS} is not there`);

describe.skipIf(missing)("two initiators of libiscsi's and QEMU's on one unit", () => {
  let one: Initiator;
  let two: Initiator;

  beforeAll(async () => {
    const source = join(import.meta.dirname, "persistent-reservations.c");
    execFileSync("cc", ["-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source, "-liscsi"]);
    const file = join(folder, "config.json");
    const luns = [{ lun: 0, backend: { type: "memory", size: "8M" } }];
    const iscsi = { portals: [{ port: 0 }], targets: [{ name: TARGET, luns }] };
    writeFileSync(file, JSON.stringify({ version: 1, iscsi }));
    daemon = await DaemonProcess.start(join(folder, "control.sock"), ["--config", file]);
    portal = `127.0.0.1:${(await daemon.status()).iscsi?.portals[0]?.port}`;
  });

  beforeEach(async () => {
    [one, two] = [new Initiator(String(ONE)), new Initiator(String(TWO))];
    expect(await one.prout(REGISTER, 0, "0", "a")).toBe("good");
    expect(await two.prout(REGISTER, 0, "0", "b")).toBe("good");
    return async () => {
      // What either had to tell is told by then; neither reservation nor registration outlives a test.
      await one.do("keys");
      for (const [initiator, key] of [
        [one, "a"],
        [two, "b"],
      ] as const)
        await initiator.prout(CLEAR, 0, key);
      await Promise.all([one.logout(), two.logout()]);
    };
  });

  afterAll(async () => {
    const exit = await daemon?.end("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
    expect(exit).toBe(0);
  });

  test("each sees the keys of both", async () => {
    expect(await one.do("keys")).toBe("good a b");
    expect(await two.do("keys")).toBe("good a b");
  });

  test("Write Exclusive: the holder writes, all read", async () => {
    expect(await one.prout(RESERVE, WRITE_EXCLUSIVE, "a")).toBe("good");
    expect(await two.prout(RESERVE, WRITE_EXCLUSIVE, "b")).toBe("conflict");
    expect(await one.do("write 0 11")).toBe("good");
    expect(await two.do("write 0 22")).toBe("conflict");
    expect(qemu("write -P 0x33 0 512")).toBe(false);
    expect(await two.do("read 0")).toBe("good 11");
    expect(qemu("read -P 0x11 0 512")).toBe(true);
    // A release by somebody else releases nothing. [SPC-4] 5.13.11.2.
    expect(await two.prout(RELEASE, WRITE_EXCLUSIVE, "b")).toBe("good");
    expect(await two.do("write 0 22")).toBe("conflict");
    expect(await one.prout(RELEASE, WRITE_EXCLUSIVE, "a")).toBe("good");
    expect(await two.do("write 0 22")).toBe("good");
    expect(qemu("write -P 0x33 0 512")).toBe(true);
    expect(await one.do("read 0")).toBe("good 33");
  });

  test("Exclusive Access: nobody else reads either", async () => {
    expect(await one.do("write 1 44")).toBe("good");
    expect(await one.prout(RESERVE, EXCLUSIVE_ACCESS, "a")).toBe("good");
    expect([await one.do("read 1"), await two.do("read 1")]).toEqual(["good 44", "conflict"]);
    expect(qemu("read 512 512")).toBe(false);
    expect(await one.prout(RELEASE, EXCLUSIVE_ACCESS, "a")).toBe("good");
    expect(qemu("read -P 0x44 512 512")).toBe(true);
  });

  test("PREEMPT takes reservation and registration, and says so; who registers again is let in", async () => {
    expect(await one.prout(RESERVE, WRITE_EXCLUSIVE, "a")).toBe("good");
    expect(await two.prout(PREEMPT, WRITE_EXCLUSIVE_REGISTRANTS_ONLY, "b", "a")).toBe("good");
    expect(await two.do("write 2 55")).toBe("good");
    expect(await one.do("write 2 66")).toBe(REGISTRATIONS_PREEMPTED);
    expect(await one.do("write 2 66")).toBe("conflict");
    expect([await one.do("keys"), await one.do("read 2")]).toEqual(["good b", "good 55"]);
    expect(await one.prout(REGISTER, 0, "0", "a")).toBe("good");
    expect(await one.do("write 2 66")).toBe("good");
    expect(qemu("write 1024 512")).toBe(false);
  });

  test("CLEAR takes everything, and tells the others", async () => {
    expect(await one.prout(RESERVE, EXCLUSIVE_ACCESS, "a")).toBe("good");
    expect(await two.prout(CLEAR, 0, "b")).toBe("good");
    expect(await one.do("read 2")).toBe(RESERVATIONS_PREEMPTED);
    expect([await one.do("keys"), await two.do("keys")]).toEqual(["good", "good"]);
    expect(qemu("write -P 0x77 1024 512")).toBe(true);
    expect(await two.do("read 2")).toBe("good 77");
  });

  test("a reservation outlives its holder's session, and a wrong key is none", async () => {
    expect(await one.prout(RESERVE, WRITE_EXCLUSIVE, "a")).toBe("good");
    await one.logout();
    expect(qemu("write 0 512")).toBe(false);
    // libiscsi logs in with another ISID each time: another initiator port, which holds nothing.
    one = new Initiator(String(ONE));
    expect(await one.do("write 0 11")).toBe("conflict");
    expect(await one.prout(CLEAR, 0, "a")).toBe("conflict");
    expect(await two.prout(PREEMPT, WRITE_EXCLUSIVE, "c", "a")).toBe("conflict");
    expect(await two.prout(PREEMPT, WRITE_EXCLUSIVE, "b", "a")).toBe("good");
    expect(await two.do("write 0 22")).toBe("good");
  });
});
