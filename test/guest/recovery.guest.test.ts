import { truncateSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { DaemonProcess } from "../support/daemon-process.ts";
import { startGuest } from "./run-guest.ts";
import { GuestFolder, guestTools, servedGuest } from "./served-guest.ts";

/** Long enough that the daemon goes and comes back three times under it. */
const JOB = `
set -e
echo LOAD-BEGINS
fio --name=load --filename=/dev/sda --rw=randwrite --bs=4k --size=24M --ioengine=libaio --iodepth=16 --direct=1 \
    --loops=3 --time_based=0 --verify=crc32c --verify_fatal=1 --verify_backlog=512 --do_verify=1 --minimal > /tmp/fio || { cat /tmp/fio; exit 20; }
echo LOAD-VERIFIED
dmesg | grep -iE 'I/O error|DID_ERROR|rejecting I/O|Medium Error' && exit 21
true
`;

describe.skipIf(!guestTools()).each(["SIGKILL", "SIGTERM"] as const)(
  "a daemon that ends by %s under load",
  (signal) => {
    test("comes back, and the guest goes on without an I/O error", { timeout: 420_000 }, async () => {
      using folder = new GuestFolder();
      const image = folder.file("disk.img");
      writeFileSync(image, "");
      truncateSync(image, 64 * 2 ** 20);
      const flags = ["--disk", image, "--socket", folder.socket];
      let daemon = await DaemonProcess.start(folder.control, flags);
      const guest = startGuest({ args: await servedGuest(folder, JOB), timeoutMs: 400_000 });
      try {
        await guest.waitFor(/LOAD-BEGINS/);
        for (let round = 0; round < 3; round++) {
          await sleep(2_500);
          const before = (await daemon.status()).adapters[0]?.requests ?? 0;
          expect(before).toBeGreaterThan(0);
          expect(await daemon.end(signal)).toBe(signal === "SIGTERM" ? 0 : null);
          expect(guest.lines.join("\n")).not.toContain("LOAD-VERIFIED");
          await sleep(1_000);
          daemon = await DaemonProcess.start(folder.control, flags);
        }
        const { jobStatus, lines } = await guest.exit;
        expect(lines.join("\n")).toContain("LOAD-VERIFIED");
        expect(jobStatus).toBe(0);
      } finally {
        guest.kill();
        await daemon.end("SIGTERM");
      }
    });
  },
);
