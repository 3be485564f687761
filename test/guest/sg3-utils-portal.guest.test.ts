import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { PortalClient } from "../support/portal-client.ts";
import { type Guest, startGuest } from "./run-guest.ts";
import { GuestFolder, guestTools, servedGuest } from "./served-guest.ts";
import { ASK, persistBytes, type ToolAnswer, toolAnswers } from "./tool-answers.ts";

const TARGET = "iqn.2026-11.net.example:shared";
const DISK_BLOCKS = 65_536;
/** How much of the disk the job writes to, in blocks. */
const AREA = 4096;

/** Whose answers are the same by whatever port they are asked for. */
const SAME = [
  ...["0x00", "0x80", "0x85", "0x86", "0x87", "0xb0", "0xb1", "0xb2"].map((page) => `sg_vpd --raw -p ${page}`),
  "sg_modes --raw -a",
  "sg_modes --raw -a -6",
  "sg_opcodes --raw",
  "sg_opcodes --raw -R",
  "sg_opcodes --raw -o 0x28",
  "sg_opcodes --raw -t -q",
  "sg_readcap --raw",
  "sg_readcap --raw -l",
  "sg_luns --raw",
  "sg_luns --raw -s 2",
  "sg_get_lba_status --raw",
  "sg_logs --raw -p 0",
  "sg_logs --raw -L",
  "sg_turs",
] as const;
/** Whose answers tell of the port. */
const OF_PORT = ["sg_inq --only --raw", "sg_vpd --raw -p 0x83", "sg_rtpg --raw", "sg_rtpg --raw -e"] as const;
const RESERVATIONS = ["-k", "-r", "-s", "-c"].map((what) => `sg_persist ${what} -H`);

const asks = (tools: readonly string[]): string => tools.map((tool) => `ask ${tool}`).join("\n");

/** At each line in capitals that is echoed alone, the job waits for the test. */
const JOB = `
${ASK}
turn() { echo "$1"; read line; }
block() { tr '\\0' "$1" < /dev/zero | head -c 512 > /tmp/$1; }
sum() { echo "SUM $1 $(dd if=/dev/sda bs=512 count=${AREA} iflag=direct 2>/dev/null | sha256sum)"; }
block A; block B; block C
${asks([...SAME, ...OF_PORT])}
turn TOLD

sg_write_same --16 --lba=0 --num=2048 --in=/tmp/A /dev/sda || exit 10
sg_write_same --10 --lba=2048 --num=1024 --in=/tmp/B /dev/sda || exit 11
sg_write_same --unmap --lba=256 --num=256 /dev/sda || exit 12
sg_unmap --force --lba=1024 --num=128 /dev/sda > /dev/null || exit 13
${asks(["sg_get_lba_status --raw -l 0", "sg_get_lba_status --raw -l 256", "sg_get_lba_status --raw -l 1024"])}
sum WRITTEN
turn WRITTEN
${asks(["sg_get_lba_status --raw -l 2048", "sg_get_lba_status --raw -l 2304"])}
sum CHANGED
turn CHANGED

sg_persist --out --register --param-sark=0xabc /dev/sda > /dev/null || exit 20
sg_persist --out --reserve --param-rk=0xabc --prout-type=5 /dev/sda > /dev/null || exit 21
${asks(RESERVATIONS)}
turn RESERVED
${asks(RESERVATIONS)}
turn REGISTERED
sg_persist --out --clear --param-rk=0xabc /dev/sda > /dev/null || exit 22

sg_sanitize --overwrite --pattern=/tmp/C --quick --early /dev/sda > /dev/null || exit 30
sg_turs -v /dev/sda 2>&1 | sed 's/^/TURS /'
turn SANITIZING
until sg_turs /dev/sda > /dev/null 2>&1; do sleep 0.5; done
sum SANITIZED
turn SANITIZED
`;

describe.skipIf(!guestTools())("one disk, by ibmvscsi in a guest and by an iSCSI portal", () => {
  let folder: GuestFolder;
  let daemon: DaemonProcess;
  let portal: PortalClient;
  let guest: Guest;
  let seen = 0;

  beforeAll(async () => {
    folder = new GuestFolder();
    writeFileSync(
      folder.file("config.json"),
      JSON.stringify({
        version: 1,
        guests: [{ name: "guest", socket: folder.socket }],
        logicalUnits: [
          { name: "shared", eraseRate: "4M", backend: { type: "memory", size: DISK_BLOCKS * 512 }, serial: "SHARED" },
        ],
        adapters: [{ unitAddress: "0x71000003", guest: "guest", logicalUnits: [{ target: 1, unit: "shared" }] }],
        iscsi: { portals: [{ port: 0 }], targets: [{ name: TARGET, luns: [{ lun: 0, unit: "shared" }] }] },
      }),
    );
    daemon = await DaemonProcess.start(folder.control, ["--config", folder.file("config.json")]);
    portal = await PortalClient.connect((await daemon.status()).iscsi?.portals[0]?.port ?? 0, TARGET);
    guest = startGuest({ args: await servedGuest(folder, JOB), timeoutMs: 280_000 });
  }, 120_000);

  // The tests share one guest: those behind a failed one would wait for it in vain.
  afterEach(({ task }) => {
    if (task.result?.state === "fail") guest.kill();
  });

  afterAll(async () => {
    guest?.kill();
    portal?.close();
    const status = await daemon?.end("SIGTERM");
    folder?.[Symbol.dispose]();
    expect(status).toBe(0);
  });

  /** Waits for the guest's turn to end; returns what its tools were told in it. */
  async function turn(name: string): Promise<ToolAnswer[]> {
    await guest.waitFor(new RegExp(`^${name}$`, "m"));
    const lines = guest.lines.map((line) => line.replaceAll("\r", ""));
    const answers = toolAnswers(lines.slice(seen));
    seen = lines.length;
    return answers;
  }

  function goOn(): void {
    guest.send("\n");
  }

  function guestSum(name: string): string | undefined {
    return guest.lines.map((line) => new RegExp(`^SUM ${name} ([0-9a-f]{64})`).exec(line)?.[1]).find(Boolean);
  }

  /** What the portal tells whom a tool's command is sent to. */
  async function fromPortal({ tool, status, cdb }: ToolAnswer): Promise<Buffer> {
    expect([tool, status]).toEqual([tool, 0]);
    const answer = await portal.ask(cdb, { read: 8192 });
    expect([tool, answer.status]).toEqual([tool, 0]);
    return answer.data;
  }

  test("tells both the same, but for what belongs to the port", { timeout: 120_000 }, async () => {
    const answers = await turn("TOLD");
    expect(answers.map(({ tool }) => tool)).toEqual([...SAME, ...OF_PORT]);
    const same = answers.slice(0, SAME.length);
    for (const answer of same)
      expect([answer.tool, answer.output.toString("hex")]).toEqual([
        answer.tool,
        (await fromPortal(answer)).toString("hex"),
      ]);
    const [inquiry, identification, ...groups] = answers.slice(SAME.length);
    if (inquiry === undefined || identification === undefined) throw new Error("the guest's tools told too little");
    const inquiries = [inquiry.output, await fromPortal(inquiry)] as const;
    // Version descriptors (SPC-4 6.6.2): the last is the transport's, SRP and iSCSI.
    expect(inquiries.map((data) => data.readUInt16BE(64))).toEqual([0x0940, 0x0960]);
    for (const data of inquiries) data.writeUInt16BE(0, 64);
    expect(inquiries[0].toString("hex")).toBe(inquiries[1].toString("hex"));
    const [ours, theirs] = [designators(identification.output), designators(await fromPortal(identification))];
    expect(ours.filter(({ association }) => association === 0)).toEqual(
      theirs.filter(({ association }) => association === 0),
    );
    // Without "portGroups" each is told of the port that it uses: RELATIVE TARGET PORT IDENTIFIER (SPC-4 6.37) comes last.
    expect(groups.length).toBe(2);
    for (const answer of groups) {
      const told = [answer.output, await fromPortal(answer)] as const;
      expect(told.map((data) => data.readUInt16BE(data.length - 2))).toEqual([1, 0x8000]);
      for (const data of told) data.writeUInt16BE(0, data.length - 2);
      expect([answer.tool, told[0].toString("hex")]).toEqual([answer.tool, told[1].toString("hex")]);
    }
    // PROTOCOL IDENTIFIER of the target port's designators (SPC-4 7.6.1): SRP is 4, iSCSI 5.
    expect(protocols(ours)).toEqual([4]);
    expect(protocols(theirs)).toEqual([5]);
    goOn();
  });

  test("shows each what the other has written and unmapped", { timeout: 120_000 }, async () => {
    const model = Buffer.alloc(AREA * 512);
    model.fill("A", 0, 2048 * 512).fill("B", 2048 * 512, 3072 * 512);
    model.fill(0, 256 * 512, 512 * 512).fill(0, 1024 * 512, 1152 * 512);
    for (const answer of await turn("WRITTEN"))
      expect([answer.tool, answer.output]).toEqual([answer.tool, await fromPortal(answer)]);
    expect(guestSum("WRITTEN")).toBe(sha256(model));
    expect((await portal.readBlocks(AREA)).equals(model)).toBe(true);
    // WRITE SAME(16) with UNMAP and NDOB of 256 blocks at 2048; WRITE(10) of one at 300.
    const writeSame = [0x93, 9, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0];
    expect((await portal.ask(writeSame)).status).toBe(0);
    const write = [0x2a, 0, 0, 0, 1, 44, 0, 0, 1, 0];
    expect((await portal.ask(write, { write: Buffer.alloc(512, "P") })).status).toBe(0);
    model.fill(0, 2048 * 512, 2304 * 512).fill("P", 300 * 512, 301 * 512);
    goOn();
    const changed = await turn("CHANGED");
    // PROVISIONING STATUS of the first descriptor (SBC-4 5.10.2): deallocated, then mapped.
    expect(changed.map(({ output }) => output.readUInt8(20) & 0xf)).toEqual([1, 0]);
    for (const answer of changed) expect(answer.output).toEqual(await fromPortal(answer));
    expect(guestSum("CHANGED")).toBe(sha256(model));
    goOn();
  });

  test("reserves it for one, and tells both who that is", { timeout: 120_000 }, async () => {
    const reserved = await turn("RESERVED");
    expect(reserved.map(({ tool }) => tool)).toEqual(RESERVATIONS);
    for (const answer of reserved) expect(persistBytes(answer.output)).toEqual(await fromPortal(answer));
    const write = () => portal.ask([0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0], { write: Buffer.alloc(512) });
    expect((await write()).status).toBe(0x18);
    const registration = Buffer.alloc(24);
    registration.writeUInt32BE(0x123, 12);
    expect((await portal.ask([0x5f, 0, 0, 0, 0, 0, 0, 0, 24, 0], { write: registration })).status).toBe(0);
    // Write exclusive, registrants only: now it may.
    expect((await write()).status).toBe(0);
    goOn();
    const registered = await turn("REGISTERED");
    for (const answer of registered) expect(persistBytes(answer.output)).toEqual(await fromPortal(answer));
    expect(persistBytes(registered[0]?.output ?? Buffer.alloc(0)).readUInt32BE(4)).toBe(16);
    goOn();
  });

  test("is sanitized for both", { timeout: 180_000 }, async () => {
    await turn("SANITIZING");
    expect((await portal.ask([0, 0, 0, 0, 0, 0])).sense).toBe("02/04/1b");
    expect(guest.lines.filter((line) => line.startsWith("TURS")).join("\n")).toMatch(/sanitize in progress/i);
    goOn();
    await turn("SANITIZED");
    expect((await portal.ask([0, 0, 0, 0, 0, 0])).status).toBe(0);
    expect((await portal.readBlocks(DISK_BLOCKS)).equals(Buffer.alloc(DISK_BLOCKS * 512, "C"))).toBe(true);
    expect(guestSum("SANITIZED")).toBe(sha256(Buffer.alloc(AREA * 512, "C")));
    goOn();
    expect((await guest.exit).jobStatus).toBe(0);
  });
});

interface Designator {
  protocol: number | undefined;
  association: number;
  bytes: string;
}

/** The designators of a Device Identification page (SPC-4 7.8.6). */
function designators(page: Buffer): Designator[] {
  const found: Designator[] = [];
  for (let at = 4; at < page.length; at += 4 + page.readUInt8(at + 3)) {
    const [head, kind] = [page.readUInt8(at), page.readUInt8(at + 1)];
    const bytes = page.subarray(at, at + 4 + page.readUInt8(at + 3)).toString("hex");
    found.push({ protocol: kind & 0x80 ? head >> 4 : undefined, association: (kind >> 4) & 3, bytes });
  }
  return found;
}

/** The protocols that a page's designators name, each once. */
function protocols(page: readonly Designator[]): number[] {
  return [...new Set(page.flatMap(({ protocol }) => protocol ?? []))];
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
