import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { H_SUCCESS } from "../../src/abi/papr.ts";
import { KIND_EVENT, KIND_INIT, KIND_SRP } from "../../src/abi/records.ts";
import { SRP_CMD } from "../../src/abi/srp.ts";
import { loadCore } from "../../src/core/core.ts";
import { silentLog } from "../../src/core/log.ts";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import { QemuLink } from "../../src/ports/qemu/qemu-link.ts";
import { QemuPort } from "../../src/ports/qemu/qemu-port.ts";
import { requires } from "../support/requires.ts";
import { UNIT } from "./fake-bridge.ts";
import { RecordingServer, type Taken } from "./recording-server.ts";

const QEMU_FOLDER = resolve(import.meta.dirname, "../../qemu");
const BRIDGE = resolve(import.meta.dirname, "../../build/vscsi-bridge.so");
const DEVICE = "spapr-vscsi,reg=0x71000003";
/** SLOF needs no Spectre mitigations, and TCG has none: without these QEMU warns. */
const MACHINE = "pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off";
const INIT_COMPLETE = Buffer.from("c0020000000000000000000000000000", "hex");

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vscsi-bridge-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!requires("cc"))("the bridge", () => {
  beforeAll(() => {
    execFileSync(join(QEMU_FOLDER, "build"));
  });

  test.skipIf(!requires("nm"))("exports what QEMU asks a plugin for, and nothing else", () => {
    const symbols = execFileSync("nm", ["-D", "--defined-only", BRIDGE], { encoding: "utf8" });
    const names = symbols
      .trim()
      .split("\n")
      .map((line) => line.split(" ").at(-1));
    expect(names).toEqual(["qemu_plugin_install", "qemu_plugin_version"]);
  });

  describe.skipIf(!requires("qemu-system-ppc64"))("in QEMU", () => {
    const PSERIES = ["-M", "pseries"];
    const socket = (): string => `socket=${join(folder, "nobody.sock")}`;

    const refusals: readonly [string, readonly string[], () => readonly string[], RegExp][] = [
      [
        "a machine that is no pseries",
        ["-M", "powernv9", "-m", "1G"],
        () => [socket(), "unit=0x71000003"],
        /start QEMU with -M pseries/,
      ],
      [
        "a unit address nobody has",
        PSERIES,
        () => [socket(), "unit=0x71000003"],
        /no spapr-vscsi adapter has unit address 0x71000003/,
      ],
      [
        "a unit that is no VSCSI adapter",
        [...PSERIES, "-device", "spapr-vlan,reg=0x71000003"],
        () => [socket(), "unit=0x71000003"],
        /no spapr-vscsi adapter/,
      ],
      ["no unit", PSERIES, () => [socket()], /unit=ADDRESS: is missing/],
      ["a unit that is no number", PSERIES, () => [socket(), "unit=zebra"], /zebra: is no unit address/],
      ["no socket", PSERIES, () => ["unit=0x71000003"], /socket=PATH: is missing/],
      [
        "a socket path that is too long",
        PSERIES,
        () => [`socket=/${"x".repeat(107)}`, "unit=1"],
        /longer than 107 characters/,
      ],
      [
        "an argument it does not know",
        PSERIES,
        () => [socket(), "unit=1", "sockets=2"],
        /sockets=2: is no argument of the bridge/,
      ],
    ];

    test.each(refusals)("refuses %s: one sentence, exit status 1", (_what, machine, bridgeArguments, sentence) => {
      const plugin = [BRIDGE, ...bridgeArguments()].join(",");
      const { status, stderr } = spawnSync(
        "qemu-system-ppc64",
        [...machine, "-nographic", "-nodefaults", "-S", "-plugin", plugin],
        { encoding: "utf8", timeout: 20_000, input: "" },
      );
      const told = stderr.split("\n").filter((line) => line.includes("vscsi-bridge: "));
      expect(told).toHaveLength(1);
      expect(told[0]).toMatch(sentence);
      expect(status).toBe(1);
    });

    test("brings the firmware to a daemon, and over the death of one", { timeout: 120_000 }, async () => {
      const path = join(folder, "guest.sock");
      let daemon = await TestDaemon.start(path);
      const qemu = startFirmware(path);
      try {
        expect((await daemon.next()).kind).toBe(KIND_INIT);
        expect(daemon.server.send(INIT_COMPLETE)).toBe(H_SUCCESS);
        // SLOF goes on only if INIT COMPLETE was the next entry in its queue: commands without a login.
        const first = await daemon.next();
        expect(first.kind).toBe(KIND_SRP);
        expect(first.iu[0]).toBe(SRP_CMD);
        await daemon.stop();

        // The unanswered command comes again, behind an INIT that the bridge says in SLOF's stead.
        daemon = await TestDaemon.start(path);
        expect((await daemon.next()).kind).toBe(KIND_INIT);
        daemon.server.send(INIT_COMPLETE);
        const again = await daemon.next();
        expect(again.iu).toEqual(first.iu);
        daemon.server.answer(again.slot, goodResponse(again));
        const second = await daemon.next();
        expect(second.kind).toBe(KIND_SRP);
        expect(second.iu).not.toEqual(first.iu);
      } finally {
        qemu.kill("SIGKILL");
        await once(qemu, "exit");
        await daemon.stop();
      }
    });

    test("lets the firmware go on without disks when there is no daemon", { timeout: 60_000 }, async () => {
      const qemu = startFirmware(join(folder, "nobody.sock"));
      try {
        let console = "";
        for await (const text of qemu.stdout ?? []) {
          console += text;
          if (/Ready!|E3407/.test(console)) break;
        }
        expect(console).toMatch(/Ready!|E3407/);
      } finally {
        qemu.kill("SIGKILL");
      }
    });
  });
});

function startFirmware(path: string): ChildProcess {
  return spawn(
    "qemu-system-ppc64",
    [
      ...["-M", MACHINE, "-m", "256", "-nographic", "-nodefaults", "-serial", "stdio"],
      ...["-device", DEVICE, "-plugin", `${BRIDGE},socket=${path},unit=0x71000003`],
    ],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
}

/** An SRP_RSP with status GOOD. */
function goodResponse(request: Taken): Buffer {
  const response = Buffer.alloc(36);
  response[0] = 0xc1;
  response[7] = 1;
  request.iu.copy(response, 8, 8, 16);
  return response;
}

/** Port, link and a server that only records. */
class TestDaemon {
  readonly server: RecordingServer;
  readonly #port: QemuPort;

  private constructor(server: RecordingServer, port: QemuPort) {
    this.server = server;
    this.#port = port;
  }

  static async start(path: string): Promise<TestDaemon> {
    const memory = new SharedMemory();
    const link = new QemuLink(memory, loadCore(memory, "js"), UNIT, 8);
    const server = new RecordingServer(link);
    link.register();
    link.signal(true);
    const port = new QemuPort([link], silentLog);
    await port.listen(path);
    return new TestDaemon(server, port);
  }

  /** The next entry that is no event: a machine's first reset is told as one. */
  async next(): Promise<Taken> {
    for (;;) {
      const taken = await this.server.next();
      if (taken.kind !== KIND_EVENT) return taken;
      this.server.release(taken.slot);
    }
  }

  stop(): Promise<void> {
    return this.#port.close();
  }
}
