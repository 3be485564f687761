import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { requires } from "../support/requires.ts";

const TARGET = "iqn.2026-11.net.example:disks";
const GUARDED = "iqn.2026-11.net.example:guarded";
const SECRET = "a secret of enough letters";
const OURS = "and another one for ours";
const MIB = 1 << 20;

const folder = mkdtempSync(join(tmpdir(), "vscsi-iscsi-"));
let daemon: DaemonProcess;
let portal = "";

beforeAll(async () => {
  const secretFile = join(folder, "secret");
  writeFileSync(secretFile, `${OURS}\n`, { mode: 0o600 });
  const config = {
    version: 1,
    logicalUnits: [{ name: "shared", backend: { type: "memory", size: "64M" } }],
    adapters: [{ unitAddress: "0x30000002", logicalUnits: [{ target: 1, unit: "shared" }] }],
    iscsi: {
      portals: [{ port: 0 }],
      targets: [
        { name: TARGET, luns: [{ lun: 0, unit: "shared" }] },
        {
          name: GUARDED,
          luns: [{ lun: 7, backend: { type: "memory", size: 8 * MIB } }],
          chap: { user: "user", secret: SECRET, mutualUser: "target", mutualSecretFile: secretFile },
        },
      ],
    },
  };
  const file = join(folder, "config.json");
  writeFileSync(file, JSON.stringify(config));
  daemon = await DaemonProcess.start(join(folder, "control.sock"), ["--config", file]);
  portal = `127.0.0.1:${(await daemon.status()).iscsi?.portals[0]?.port}`;
});

afterAll(async () => {
  const exit = await daemon?.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
  expect(exit).toBe(0);
});

function run(command: string, ...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 60_000, cwd: folder });
  return { status, output: stdout + stderr };
}

function url(options: { target?: string; lun?: number; user?: string; query?: string } = {}): string {
  const { target = TARGET, lun = 0, user, query } = options;
  return `iscsi://${user ? `${user}@` : ""}${portal}/${target}/${lun}${query ? `?${query}` : ""}`;
}

describe.skipIf(!requires("iscsi-ls"))("libiscsi", () => {
  test("finds the targets, and the unit of the open one", () => {
    const { output } = run("iscsi-ls", `iscsi://${portal}`);
    expect(output).toContain(`Target:${TARGET} Portal:${portal},1`);
    expect(output).toContain(`Target:${GUARDED}`);
  });

  test("reads capacity and identity", () => {
    expect(run("iscsi-readcapacity16", url()).output).toContain(`Total size:${64 * MIB}`);
    expect(run("iscsi-inq", url()).output).toMatch(/Vendor:IBM/);
    expect(run("iscsi-inq", url({ query: "header_digest=crc32c" })).output).toMatch(/Vendor:IBM/);
  });

  test("logs in with CHAP, one way and both ways, and not with a wrong secret", () => {
    const guarded = { target: GUARDED, lun: 7 };
    const user = `user%${SECRET}`;
    expect(run("iscsi-inq", url({ ...guarded, user })).output).toMatch(/Vendor:IBM/);
    const both = `target_user=target&target_password=${OURS}`;
    expect(run("iscsi-inq", url({ ...guarded, user, query: both })).output).toMatch(/Vendor:IBM/);
    expect(run("iscsi-inq", url({ ...guarded, user, query: both.replace("and", "not") })).output).toMatch(
      /[Aa]uthentication/,
    );
    expect(run("iscsi-inq", url({ ...guarded, user: "user%some other secret" })).output).toMatch(
      /Authentication failure/,
    );
    expect(run("iscsi-inq", url(guarded)).output).toMatch(/Authentication failure/);
  });

  test("its suite of iSCSI tests passes", () => {
    const { output } = run("iscsi-test-cu", "--dataloss", "--normal", "--test", "iSCSI.*", url());
    const failures = /tests +\d+ +(\d+) +\d+ +(\d+)/.exec(output);
    expect(Number(failures?.[1])).toBeGreaterThanOrEqual(15);
    expect(Number(failures?.[2]), output).toBe(0);
  });

  test("reads hard", () => {
    const { output } = run("iscsi-perf", "-m", "32", "-b", "64", "-t", "1", url());
    expect(output).toMatch(/iops average [1-9]/);
  });
});

describe.skipIf(!requires("qemu-img"))("QEMU", () => {
  const source = join(folder, "source.img");
  const back = join(folder, "back.img");
  beforeAll(() => writeFileSync(source, randomBytes(64 * MIB)));

  test("converts an image in and out, bit for bit", () => {
    expect(run("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", source, url())).toEqual({
      status: 0,
      output: "",
    });
    expect(run("qemu-img", "convert", "-f", "raw", "-O", "raw", url(), back)).toEqual({ status: 0, output: "" });
    expect(readFileSync(back).equals(readFileSync(source))).toBe(true);
  });

  test("does so with header digests", () => {
    writeFileSync(source, randomBytes(64 * MIB));
    const options = `driver=iscsi,transport=tcp,portal=${portal},target=${TARGET},lun=0,header-digest=crc32c`;
    const file = `driver=raw,file.driver=file,file.filename=${source}`;
    const into = run("qemu-img", "convert", "-n", "--image-opts", file, "--target-image-opts", options);
    expect(into).toEqual({ status: 0, output: "" });
    expect(run("qemu-img", "convert", "--image-opts", options, "-O", "raw", back)).toEqual({ status: 0, output: "" });
    expect(readFileSync(back).equals(readFileSync(source))).toBe(true);
  });
});

test("status tells portal, targets and the adapter that shows the same unit", async () => {
  const { iscsi, adapters } = await daemon.status();
  expect(iscsi?.targets).toMatchObject([
    { name: TARGET, authentication: "none", logicalUnits: [{ lun: 0, size: 64 * MIB }] },
    { name: GUARDED, authentication: "mutual CHAP", logicalUnits: [{ lun: 7, size: 8 * MIB }] },
  ]);
  expect(adapters[0]?.logicalUnits).toMatchObject([{ target: 1, size: 64 * MIB }]);
});
