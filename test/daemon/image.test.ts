import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { callDaemon } from "../../src/control/client.ts";
import { DaemonProcess } from "../support/daemon-process.ts";
import { imageServers } from "../support/qemu-nbd-processes.ts";
import { requires } from "../support/requires.ts";

const TARGET = "bus/vio/drivers/ibmvscsis/71000004/bus0/target0";

let folder = "";
let image = "";
let flags: string[] = [];
let daemon: DaemonProcess | undefined;

const start = async (...more: string[]) => {
  daemon = await DaemonProcess.start(join(folder, "control.sock"), [...flags, ...more]);
  return daemon;
};
const makeImage = (name: string) => {
  const path = join(folder, name);
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", path, "16M"]);
  return path;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vscsi-image-"));
  flags = ["--socket", join(folder, "guest.sock")];
});
afterEach(async () => {
  await daemon?.end("SIGTERM");
  daemon = undefined;
  rmSync(folder, { recursive: true });
});

describe.skipIf(!requires("qemu-nbd"))("a qcow2 image of the daemon", () => {
  beforeEach(() => {
    image = makeImage("disk.qcow2");
  });

  test("is served by its name, and let go of when the daemon ends", async () => {
    await start("--disk", image);
    const [unit] = (await daemon?.status())?.adapters[0]?.logicalUnits ?? [];
    expect(unit).toMatchObject({ size: 16 << 20, readOnly: false, description: image });
    expect(imageServers(image)).toHaveLength(1);
    expect(await daemon?.end("SIGTERM")).toBe(0);
    expect(imageServers(image)).toEqual([]);
  });

  test("a daemon that was killed leaves no qemu-nbd, and the next one starts without waiting for that", async () => {
    await start("--disk", image);
    for (let round = 0; round < 5; round++) {
      const before = imageServers(image);
      expect(before).toHaveLength(1);
      await daemon?.end("SIGKILL");
      await start("--disk", image);
      expect(imageServers(image).filter((pid) => before.includes(pid))).toEqual([]);
    }
    await daemon?.end("SIGKILL");
    await expect.poll(() => imageServers(image), { timeout: 10_000 }).toEqual([]);
  }, 60_000);

  test("which another process has: the daemon does not start, and says who has it", async () => {
    const holder = spawn("qemu-io", ["-f", "qcow2", "-c", "sleep 100000", image], { stdio: "ignore" });
    await pause(500);
    try {
      await expect(start("--disk", image)).rejects.toThrow(
        /exit status 1\).*vscsi: .*disk\.qcow2: can't be opened: .*lock.* qemu-io \(process \d+\) has locked it: stop that one/s,
      );
    } finally {
      holder.kill("SIGKILL");
    }
  });

  test("is a device of the tree", async () => {
    await start("--state", join(folder, "state"));
    const call = (method: string, params: object) => callDaemon(join(folder, "control.sock"), method, params);
    const set = (attribute: string, value: string) => call("tree.set", { path: `${TARGET}/${attribute}`, value });
    await call("tree.make", { path: TARGET.split("/bus0")[0] });
    await set("device", image);
    await set("active", "1");
    expect(imageServers(image)).toHaveLength(1);
    await daemon?.end("SIGKILL");
    await start("--state", join(folder, "state"));
    expect(await call("tree.get", { path: `${TARGET}/active` })).toMatchObject({ value: "1" });
    expect(await call("tree.get", { path: `${TARGET}/device` })).toMatchObject({ value: image });
    await set("active", "0");
    expect(imageServers(image)).toEqual([]);
    const backed = makeImage("backed.qcow2");
    execFileSync("qemu-img", ["rebase", "-u", "-b", image, "-F", "qcow2", backed]);
    await set("device", backed);
    await expect(set("active", "1")).rejects.toThrow(/is not all of the disk, it refers to/);
    await set("backend", JSON.stringify({ type: "image", path: backed, references: true }));
    expect(await call("tree.get", { path: `${TARGET}/device` })).toMatchObject({ value: backed });
    await set("active", "1");
  }, 60_000);
});
