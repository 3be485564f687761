import { truncateSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { runGuest } from "./run-guest.ts";
import { GuestFolder, guestTools, servedGuest } from "./served-guest.ts";

const JOB = `
for disk in /sys/block/sd*; do
  address=$(basename "$(readlink -f $disk/device)")
  echo "DISK $address sectors $(cat $disk/size) ro $(cat $disk/ro)"
done
for disk in /dev/sd?; do
  if [ "$(cat /sys/block/$(basename $disk)/ro)" = 1 ]; then
    dd if=/dev/zero of=$disk bs=512 count=1 conv=fsync 2>/dev/null && exit 30
    generic=/dev/$(basename /sys/block/$(basename $disk)/device/scsi_generic/sg*)
    sg_raw -s 512 -i /dev/zero $generic 2a 00 00 00 00 00 00 00 01 00 2>&1 | grep -i 'data protect' || exit 31
    dd if=$disk bs=4k count=16 2>/dev/null | sha256sum | sed 's/^/READ-ONLY-SUM /'
  fi
done
`;

/** SHA-256 of 64 KiB of 0x5a. */
const READ_ONLY_SUM = "944044fe482bc4e91085c15c5a923a1b9e02eac98d3bce04997d6dbecd2a5b8d";

describe.skipIf(!guestTools())("two adapters on one guest", () => {
  test("SLOF lists the disks, and Linux finds each with its size and protection", { timeout: 200_000 }, async () => {
    using folder = new GuestFolder();
    const sizes = { a: 32, b: 48, c: 80, d: 16 };
    for (const [name, mebibytes] of Object.entries(sizes)) {
      writeFileSync(folder.file(name), name === "d" ? Buffer.alloc(16 * 2 ** 20, 0x5a) : "");
      truncateSync(folder.file(name), mebibytes * 2 ** 20);
    }
    const unit = (target: number, name: string, readOnly = false) => ({
      target,
      readOnly,
      backend: { type: "file", path: folder.file(name) },
    });
    writeFileSync(
      folder.file("config.json"),
      JSON.stringify({
        version: 1,
        guests: [{ name: "g", socket: folder.socket }],
        adapters: [
          {
            unitAddress: "0x71000003",
            guest: "g",
            logicalUnits: [{ target: 1, backend: { type: "memory", size: "8M" } }],
          },
          {
            unitAddress: "0x71000004",
            guest: "g",
            logicalUnits: [unit(1, "a"), unit(2, "b"), unit(3, "c"), unit(4, "d", true)],
          },
        ],
      }),
    );
    const daemon = await DaemonProcess.start(folder.control, ["--config", folder.file("config.json")]);
    try {
      const args = await servedGuest(folder, JOB, ["0x71000003", "0x71000004"]);
      const { jobStatus, lines } = await runGuest({ args, timeoutMs: 180_000 });
      const text = lines.join("\n");
      // SLOF names a disk by unit address and LUN, then by its INQUIRY strings.
      expect(text).toMatch(/8100000000000000 DISK\s+: "IBM\s+VDASD blkdev\s+0001"/);
      expect(text).toMatch(/8300000000000000 DISK/);
      const disks = lines
        .filter((line) => line.includes("DISK ") && line.includes("sectors"))
        .map((line) => line.trim());
      expect(disks).toHaveLength(5);
      expect(disks.filter((line) => /sectors 16384 ro 0/.test(line))).toHaveLength(1);
      expect(disks.filter((line) => /sectors 65536 ro 0/.test(line))).toHaveLength(1);
      expect(disks.filter((line) => /sectors 98304 ro 0/.test(line))).toHaveLength(1);
      expect(disks.filter((line) => /sectors 163840 ro 0/.test(line))).toHaveLength(1);
      expect(disks.filter((line) => /sectors 32768 ro 1/.test(line))).toHaveLength(1);
      expect(text).toContain(`READ-ONLY-SUM ${READ_ONLY_SUM}`);
      expect(jobStatus).toBe(0);
    } finally {
      expect(await daemon.end("SIGTERM")).toBe(0);
    }
  });
});
