import { truncateSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { MountedDaemon, mountable, shell } from "../support/mounted-daemon.ts";
import { startGuest } from "./run-guest.ts";
import { GuestFolder, guestTools, servedGuest } from "./served-guest.ts";

/** Written as for the original driver: nothing but mkdir (the vio bus probed adapters by itself), echo and cat. */
const SCRIPT = `
set -e
cd $1/71000003
echo 2 > num_buses
[ $(cat num_buses) = 2 ]
for bus in 0 1; do
  echo 3 > bus$bus/num_targets
  for target in 0 1 2; do
    directory=bus$bus/target$target
    echo B > $directory/type
    echo $2/disk$bus$target.img > $directory/device
    [ $target != 2 ] || echo 1 > $directory/ro
    echo 1 > $directory/active
    [ $(cat $directory/active) = 1 ]
  done
done
`;

/** The disk of bus b, target t has (b * 3 + t + 1) * 1024 sectors; the last target of a bus is read only. */
const EXPECTED = [0, 1].flatMap((bus) =>
  [0, 1, 2].map((target) => `LUN ${bus}:${target}:0 ${(bus * 3 + target + 1) * 1024} ${target === 2 ? 1 : 0}`),
);

const JOB = `
tries=0
until [ $(ls -d /sys/block/sd* 2>/dev/null | wc -l) = 6 ] || [ $tries = 300 ]; do sleep 0.2; tries=$((tries + 1)); done
sleep 2
for disk in /sys/block/sd*; do
  address=$(basename $(readlink -f $disk/device))
  echo "LUN \${address#*:} $(cat $disk/size) $(cat $disk/ro)"
done
for disk in /dev/sd?; do
  dd if=$disk of=/dev/null bs=64k iflag=direct 2>/dev/null || exit 10
done
echo ALL-READ
sleep 5
`;

describe.skipIf(!guestTools() || !mountable())("a Linux guest, its disks configured by echo", () => {
  test("sees exactly the six targets on two buses", { timeout: 420_000 }, async () => {
    using folder = new GuestFolder();
    const daemon = new MountedDaemon();
    try {
      for (const [index, line] of EXPECTED.entries()) {
        const [, bus, target] = /LUN (\d):(\d)/.exec(line) ?? [];
        const image = folder.file(`disk${bus}${target}.img`);
        writeFileSync(image, "");
        truncateSync(image, (index + 1) * 1024 * 512);
      }
      await daemon.start("--socket", folder.socket);
      expect(await shell(`mkdir ${daemon.drivers}/71000003`)).toMatchObject({ status: 0, stderr: "" });
      expect(await shell(SCRIPT, daemon.drivers, folder.path)).toMatchObject({ status: 0, stderr: "" });
      const args = await servedGuest(folder, JOB);
      // Both buses are to be scanned.
      const twoBuses = args.map((argument) => argument.replace("ibmvscsi.max_channel=0", "ibmvscsi.max_channel=1"));
      const guest = startGuest({ args: twoBuses, timeoutMs: 300_000 });
      await guest.waitFor(/ALL-READ/);
      const client = await shell(
        `cd ${daemon.drivers}/71000003 && cat client/os_name client/srp_version stats/read_ops`,
      );
      const { jobStatus, lines } = await guest.exit;
      expect(lines.filter((line) => line.startsWith("LUN ")).sort()).toEqual(EXPECTED);
      expect(jobStatus).toBe(0);
      expect(client.stdout).toMatch(/^Linux\n16\.a\n[1-9]\d*\n$/);
    } finally {
      await daemon.stop();
    }
  });
});
