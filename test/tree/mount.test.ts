import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { MountedDaemon, mountable, shell } from "../support/mounted-daemon.ts";

const MIB = 1 << 20;
let daemon: MountedDaemon;

/** Runs a script in which $A is a fresh adapter, $IMAGE and $OTHER are images. */
async function script(text: string) {
  const head = `A=${daemon.drivers}/30000005; IMAGE=${daemon.file("a.img")}; OTHER=${daemon.file("b.img")}; D=${daemon.drivers}`;
  return shell(`${head}\n[ -d $A ] || mkdir $A\n${text}`);
}

describe.skipIf(!mountable())("the tree, mounted", () => {
  beforeEach(async () => {
    daemon = new MountedDaemon();
    for (const name of ["a.img", "b.img"]) writeFileSync(daemon.file(name), new Uint8Array(MIB));
    await daemon.start();
  });
  afterEach(() => daemon.stop());

  test("a new adapter is as the original driver probes one", async () => {
    const { stdout, stderr } = await script(`
      cd /
      for name in name debug num_buses max_sectors bus0/num_targets; do echo "$name $(cat $A/$name)"; done
      for name in type device active ro; do echo "$name [$(cat $A/bus0/target0/$name)]"; done
      ls $A/stats | tr '\\n' ' '; stat -c ' %a %s' $A/num_buses $A/stats/errors`);
    expect(stderr).toBe("");
    expect(stdout.split("\n")).toEqual([
      "name v-scsi-host",
      "debug 0",
      "num_buses 1",
      "max_sectors 512",
      "bus0/num_targets 1",
      "type [B]",
      "device []",
      "active [0]",
      "ro [0]",
      expect.stringMatching(
        /^(?=.*interrupts)(?=.*read_ops)(?=.*write_ops)(?=.*crq_msgs)(?=.*iu_allocs)(?=.*errors).* 644 4096$/,
      ),
      " 444 4096",
      "",
    ]);
  });

  test("buses and targets are made, used and removed", async () => {
    const { stdout, stderr } = await script(`
      echo 3 > $A/num_buses; echo 4 > $A/bus2/num_targets
      ls -d $A/bus* $A/bus2/target* | sed "s,$A/,," | tr '\\n' ' '
      echo $IMAGE > $A/bus1/target0/device; echo 1 > $A/bus1/target0/active; cat $A/bus1/target0/active
      echo garbage > $A/num_buses; cat $A/num_buses
      echo 0 > $A/bus1/target0/active; echo 1 > $A/num_buses; cat $A/num_buses
      [ -e $A/bus1 ] || echo gone
      echo 2 > $A/bus0/num_targets; echo 1 > $A/bus0/target1/ro; echo -1 > $A/bus0/target1/ro; cat $A/bus0/target1/ro
      echo 5 > $A/bus0/target1/ro; cat $A/bus0/target1/ro; echo s > $A/bus0/target1/type; cat $A/bus0/target1/type
      echo 0 > $A/num_buses; ls -d $A/bus* 2>/dev/null; rmdir $A; ls $D`);
    expect(stderr).toBe("");
    expect(stdout).toBe("bus0 bus1 bus2 bus2/target0 bus2/target1 bus2/target2 bus2/target3 1\n2\n1\ngone\n0\n1\nS\n");
  });

  test("what sysfs refuses without a store is refused", async () => {
    const { stderr } = await script(`
      echo 1 > $A/stats/errors
      touch $A/new
      rm $A/debug
      mv $A/debug $A/other
      mkdir $A/more
      mkdir $D/XYZ
      mkdir $D/30000005
      rmdir $D/30000006
      chmod 600 $A/debug
      dd if=/dev/zero of=$A/debug bs=5000 count=1 2>&1 | grep -o 'dd:.*' >&2
      printf '\\377' > $A/bus0/target0/device`);
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/^.*: /, ""));
    expect(lines).toEqual([
      "Permission denied",
      "Operation not permitted",
      "Operation not permitted",
      "Operation not permitted",
      "Operation not permitted",
      "Invalid argument",
      "File exists",
      "No such file or directory",
      "Operation not permitted",
      "File too large",
      "Invalid argument",
    ]);
  });

  test("debug is one value for all adapters; an adapter with active targets stays", async () => {
    const { stdout, stderr } = await script(`
      mkdir $D/30000006; echo 7 > $A/debug; cat $D/30000006/debug
      echo $IMAGE > $A/bus0/target0/device; echo 1 > $A/bus0/target0/active; rmdir $A; echo 0 > $A/bus0/target0/active
      rmdir $A $D/30000006 && ls $D`);
    expect(stderr).toMatch(/^rmdir: .*Device or resource busy\n$/);
    expect(stdout).toBe("7\n");
  });

  test("what is written is on disk before the write ends, and comes back", async () => {
    await script("echo 2 > $A/num_buses; echo $IMAGE > $A/bus1/target0/device; echo 1 > $A/bus1/target0/active");
    const saved = readFileSync(`${daemon.state}/configuration.json`, "utf8");
    expect(JSON.parse(saved).adapters).toMatchObject([
      { unitAddress: "0x30000005", buses: [1, 1], logicalUnits: [{ bus: 1, target: 0 }] },
    ]);
    await daemon.process.end("SIGKILL");
    expect((await shell(`ls ${daemon.mount}`)).stderr).toContain("Transport endpoint is not connected");
    await daemon.start();
    expect(daemon.process.log).toContain("taken over");
    expect((await script("cat $A/bus1/target0/active $A/bus1/target0/device")).stdout).toBe(
      `1\n${daemon.file("a.img")}\n`,
    );
    expect(readFileSync(`${daemon.state}/configuration.json`, "utf8")).toBe(saved);
  });

  test("a unit that can't be opened does not keep the others away, and comes when it can", async () => {
    await script(`echo 2 > $A/bus0/num_targets
      for target in 0 1; do echo $([ $target = 0 ] && echo $IMAGE || echo $OTHER) > $A/bus0/target$target/device; echo 1 > $A/bus0/target$target/active; done`);
    await daemon.process.end("SIGTERM");
    await shell(`mv ${daemon.file("a.img")} ${daemon.file("away.img")}`);
    await daemon.start();
    const { stdout } = await script("cat $A/bus0/target{0,1}/{active,state}; echo 1 > $A/bus0/target0/active");
    expect(stdout).toMatch(/^0\nfailed: .*a\.img.*ENOENT.*\n1\nactive\n$/);
    await shell(`mv ${daemon.file("away.img")} ${daemon.file("a.img")}`);
    const { stderr, stdout: after } = await script(
      "echo 1 > $A/bus0/target0/active; cat $A/bus0/target0/{active,state}",
    );
    expect(stderr).toBe("");
    expect(after).toBe("1\nactive\n");
  });

  test("a mount in use does not hold up the end", async () => {
    const reader = shell(`exec 5< ${daemon.drivers}/../..; sleep 30`);
    await new Promise((done) => setTimeout(done, 300));
    expect(await daemon.process.end("SIGTERM")).toBe(0);
    expect((await shell(`mountpoint ${daemon.mount}`)).status).not.toBe(0);
    void reader;
  });
});

describe.skipIf(!mountable())("what can't be written has its errno, and changes nothing", () => {
  beforeAll(async () => {
    daemon = new MountedDaemon();
    for (const name of ["a.img", "b.img"]) writeFileSync(daemon.file(name), new Uint8Array(MIB));
    await daemon.start();
    const { stderr } = await script(`
      target() { echo $2 > $A/bus0/target$1/device; }
      echo 6 > $A/bus0/num_targets; target 1 $IMAGE; echo 1 > $A/bus0/target1/active
      target 2 /no/where; target 3 /; target 4 $OTHER; echo S > $A/bus0/target4/type; target 5 $IMAGE`);
    expect(stderr).toBe("");
  });
  afterAll(() => daemon.stop());

  test.each<[write: string, to: string, errno: string]>([
    ["9", "$A/num_buses", "Invalid argument"],
    ["-1", "$A/num_buses", "Invalid argument"],
    ["8", "$A/max_sectors", "Invalid argument"],
    ["1025", "$A/max_sectors", "Invalid argument"],
    ["garbage", "$A/max_sectors", "Invalid argument"],
    ["65", "$A/bus0/num_targets", "Invalid argument"],
    ["-1", "$A/bus0/num_targets", "Invalid argument"],
    ["X", "$A/bus0/target0/type", "Invalid argument"],
    ["1", "$A/bus0/target0/active", "No such file or directory"],
    ["S", "$ACTIVE/type", "Operation not permitted"],
    ["/dev/null", "$ACTIVE/device", "Operation not permitted"],
    ["1", "$ACTIVE/ro", "Operation not permitted"],
    ["1", "$ACTIVE/active", "Invalid argument"],
    ["1", "$MISSING/active", "No such file or directory"],
    ["1", "$FOLDER/active", "Is a directory"],
    ["1", "$PASSTHROUGH/active", "No such device"],
    ["1", "$SHARED/active", "Device or resource busy"],
  ])("%s > %s fails: %s", async (value, attribute, errno) => {
    const { stderr, stdout } = await script(`
      ACTIVE=$A/bus0/target1 MISSING=$A/bus0/target2 FOLDER=$A/bus0/target3 PASSTHROUGH=$A/bus0/target4 SHARED=$A/bus0/target5
      before=$(cat $A/num_buses $A/max_sectors $A/bus0/*/{type,device,active,ro})
      echo '${value}' > ${attribute}
      [ "$before" = "$(cat $A/num_buses $A/max_sectors $A/bus0/*/{type,device,active,ro})" ] && echo unchanged`);
    expect(stderr).toMatch(new RegExp(`^\\S+ line \\d+: echo: write error: ${errno}\\n$`));
    expect(stdout).toBe("unchanged\n");
  });
});
