import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { ImageBackendOptions } from "../../../src/backends/image/open-image-store.ts";
import { openStore } from "../../../src/backends/open-store.ts";
import { type Log, silentLog } from "../../../src/core/log.ts";
import type { BlockStore } from "../../../src/scsi/block-store.ts";
import { MODEL_SIZE, ModelledStore, type Operation, operations } from "../../support/modelled-store.ts";
import { imageServers } from "../../support/qemu-nbd-processes.ts";
import { requires } from "../../support/requires.ts";
import { testMemory } from "../../support/scsi-task.ts";
import { StoreCalls } from "../../support/store-calls.ts";

const memory = testMemory();
const folder = mkdtempSync(join(tmpdir(), "vscsi-image-"));
const stores = new Set<BlockStore>();
const others: ChildProcess[] = [];
let count = 0;

afterEach(async () => {
  for (const store of stores) await store.close();
  stores.clear();
  for (const other of others.splice(0)) other.kill("SIGKILL");
});
afterAll(() => rmSync(folder, { recursive: true }));

const QEMU_FORMATS = { qcow2: "qcow2", vmdk: "vmdk", vdi: "vdi", vhdx: "vhdx", vhd: "vpc" } as const;

function newImage(extension: keyof typeof QEMU_FORMATS = "qcow2", ...options: string[]): string {
  const path = join(folder, `${++count}.${extension}`);
  const size = extension === "vhd" ? ["-o", "force_size=on"] : [];
  const args = ["create", "-q", "-f", QEMU_FORMATS[extension], ...size, ...options, path, String(MODEL_SIZE)];
  execFileSync("qemu-img", args);
  return path;
}

async function open(
  path: string,
  {
    readOnly = false,
    log = silentLog,
    ...image
  }: Partial<ImageBackendOptions> & { readOnly?: boolean; log?: Log } = {},
): Promise<BlockStore> {
  const store = await openStore({ type: "image", path, ...image }, { memory, readOnly, log, blockSize: 512 });
  stores.add(store);
  return store;
}

async function close(store: BlockStore): Promise<void> {
  stores.delete(store);
  await store.close();
}

const rawBytes = (path: string, format: string) => {
  const raw = join(folder, `${++count}.raw`);
  execFileSync("qemu-img", ["convert", "-f", format, "-O", "raw", path, raw]);
  return readFileSync(raw);
};

describe.skipIf(!requires("qemu-nbd"))("an image", () => {
  test.each(Object.keys(QEMU_FORMATS) as (keyof typeof QEMU_FORMATS)[])(
    "%s: random operations agree with an array, and with qemu-img afterwards",
    async (extension) => {
      const run = async (list: Operation[]) => {
        const path = newImage(extension);
        const modelled = new ModelledStore(memory, await open(path));
        stores.delete(modelled.store);
        const thin = modelled.store.provisioning !== undefined;
        expect(thin).toBe(extension === "qcow2");
        for (const operation of list) if (thin || !operation.name.endsWith("deallocate")) await modelled.run(operation);
        if (thin) await modelled.check();
        else await modelled.read(0, MODEL_SIZE / 512);
        await modelled.write(3, 40, 0x5a);
        await modelled.close();
        expect(imageServers(path)).toEqual([]);
        expect(rawBytes(path, QEMU_FORMATS[extension]).subarray(3 * 512, 43 * 512)).toEqual(
          Buffer.alloc(40 * 512, 0x5a),
        );
        if (extension !== "vhd") execFileSync("qemu-img", ["check", "-q", "-f", QEMU_FORMATS[extension], path]);
      };
      await fc.assert(fc.asyncProperty(operations(false), run), { numRuns: 4 });
    },
    60_000,
  );

  test("a file by whose name it is one is one; its content never makes a raw disk one", async () => {
    const path = newImage();
    const context = { memory, readOnly: false, log: silentLog, blockSize: 512 };
    const image = await openStore({ type: "file", path }, context);
    stores.add(image);
    expect([image.kind, image.size, image.description]).toEqual(["image", MODEL_SIZE, path]);
    const disguised = join(folder, `${++count}.img`);
    writeFileSync(disguised, readFileSync(newImage()));
    const raw = await openStore({ type: "file", path: disguised }, context);
    stores.add(raw);
    expect(raw.kind).toBe("file");
    const first = await new StoreCalls(memory, raw).read(0, 512);
    expect(typeof first !== "number" && Buffer.from(first).toString("latin1", 0, 4)).toBe("QFI\xfb");
  });

  test("one that is not what its name says is refused, and served when told what it is", async () => {
    const path = join(folder, `${++count}.qcow2`);
    writeFileSync(path, "");
    truncateSync(path, MODEL_SIZE);
    await expect(open(path)).rejects.toThrow(`${path}: is no qcow2 image, whatever its name says`);
    const store = await open(path, { format: "raw" });
    expect(store.size).toBe(MODEL_SIZE);
    await expect(open(join(folder, "none.vdi"))).rejects.toThrow(/make it first.*qemu-img create -f vdi/);
    await expect(open(join(folder, "some.img"))).rejects.toThrow('give "format"');
    writeFileSync(path.replace("qcow2", "vdi"), "");
    await expect(open(path.replace("qcow2", "vdi"))).rejects.toThrow("is no vdi image");
  });

  describe("that refers to other files is refused, unless that is allowed:", () => {
    const secret = join(folder, "secret.raw");
    const backed = (backing: string, format = "raw") => newImage("qcow2", "-u", "-b", backing, "-F", format);
    const cases: [string, () => string, string | undefined][] = [
      ["a backing file", () => backed(secret), secret],
      [
        "one by another way to the same",
        () => backed(`json:{"driver":"raw","file":{"driver":"file","filename":"${secret}"}}`),
        "json:",
      ],
      ["one in the network", () => backed("nbd://192.0.2.1/"), "nbd://192.0.2.1/"],
      [
        "a file for its data",
        () => newImage("qcow2", "-o", `data_file=${join(folder, "data.raw")},data_file_raw=on`),
        "data.raw",
      ],
      ["extents elsewhere", () => newImage("vmdk", "-o", "subformat=monolithicFlat"), "-flat.vmdk"],
    ];
    test.each(cases)("%s", async (_name, make, named) => {
      writeFileSync(secret, Buffer.alloc(MODEL_SIZE, "secret"));
      const path = make();
      await expect(open(path)).rejects.toThrow(
        new RegExp(`is not all of the disk, it refers to .*${named}.*"references": true`),
      );
      expect(imageServers(path)).toEqual([]);
    });

    test("a backing file that is allowed is read", async () => {
      writeFileSync(secret, Buffer.alloc(MODEL_SIZE, "secret"));
      const calls = new StoreCalls(memory, await open(backed(secret), { references: true }));
      expect(Buffer.from((await calls.read(0, 512)) as Uint8Array).toString("latin1", 0, 6)).toBe("secret");
    });
  });

  test("that is damaged: QEMU's text arrives", async () => {
    const path = join(folder, `${++count}.qcow2`);
    writeFileSync(path, Buffer.concat([Buffer.from("QFI\xfb", "latin1"), Buffer.alloc(65536, 0xff)]));
    await expect(open(path)).rejects.toThrow(/can't be opened: .*Unsupported qcow2 version/s);
    await expect(open(path, { references: true })).rejects.toThrow(/can't be opened: .*Unsupported qcow2 version/s);
  });

  test("that another process has is refused with QEMU's text and that process's name", async () => {
    const path = newImage();
    const holder = spawn("qemu-io", ["-f", "qcow2", "-c", "sleep 100000", path], { stdio: "ignore" });
    others.push(holder);
    await expect.poll(() => readFileSync("/proc/locks", "utf8").includes("OFDLCK")).toBe(true);
    await pause(300);
    await expect(open(path)).rejects.toThrow(
      new RegExp(`Failed to get .*lock.*qemu-io \\(process ${holder.pid}\\) has locked it`, "s"),
    );
  });

  test("is written by one store of the daemon, and read by several", async () => {
    const path = newImage();
    const link = join(folder, `${++count}.qcow2`);
    symlinkSync(path, link);
    const store = await open(path);
    await expect(open(link)).rejects.toThrow("is served for writing already");
    await close(store);
    const before = readFileSync(path);
    const readers = [await open(path, { readOnly: true }), await open(link, { readOnly: true })];
    for (const reader of readers) {
      expect(reader.readOnly).toBe(true);
      expect(await new StoreCalls(memory, reader).read(0, 512)).toEqual(new Uint8Array(512));
      await close(reader);
    }
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("whose qemu-nbd is killed is served by another one; what was acknowledged is there", async () => {
    const told: string[] = [];
    const path = newImage();
    const log = { ...silentLog, error: (_fields: object, message: string) => void told.push(message) };
    const store = await open(path, { log });
    const calls = new StoreCalls(memory, store);
    for (let round = 0; round < 4; round++) {
      const writes = Array.from({ length: 32 }, (_, index) =>
        calls.write(index * 4096, new Uint8Array(4096).fill(round * 32 + index + 1), index % 8 === 0),
      );
      for (const pid of imageServers(path)) process.kill(pid, "SIGKILL");
      expect(await Promise.all(writes)).toEqual(writes.map(() => 0));
    }
    const read = (await calls.read(0, 32 * 4096)) as Uint8Array;
    expect(Array.from({ length: 32 }, (_, index) => read[index * 4096 + 4095])).toEqual(
      Array.from({ length: 32 }, (_, index) => 3 * 32 + index + 1),
    );
    expect(told).toContain("qemu-nbd has ended: starting it again");
    await close(store);
    expect(
      rawBytes(path, "qcow2")
        .subarray(0, 32 * 4096)
        .equals(Buffer.from(read)),
    ).toBe(true);
  });

  test("without qemu-nbd: what to install", async () => {
    const path = newImage();
    const before = process.env.PATH;
    process.env.PATH = folder;
    try {
      await expect(open(path)).rejects.toThrow(/qemu-nbd and qemu-img, which are not installed: install .*qemu-utils/);
    } finally {
      process.env.PATH = before;
    }
  });

  test("whose daemon is killed before it has connected: qemu-nbd ends", async () => {
    const path = newImage();
    const script = `
      const { QemuNbd } = await import(${JSON.stringify(resolve("dist/backends/image/qemu-nbd.js"))});
      const log = { debug() {}, info() {}, warn() {}, error() {} };
      new QemuNbd({ program: "qemu-nbd", setpriv: "setpriv", path: ${JSON.stringify(path)}, format: "qcow2", readOnly: false,
        references: false, cache: "writeback", connections: 1, socket: ${JSON.stringify(join(folder, "orphan.sock"))}, log }).start();
      setTimeout(() => {}, 60000);`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
    others.push(parent);
    await expect.poll(() => imageServers(path).length, { timeout: 10_000 }).toBe(1);
    await pause(200);
    parent.kill("SIGKILL");
    await expect.poll(() => imageServers(path), { timeout: 10_000 }).toEqual([]);
  });
});
