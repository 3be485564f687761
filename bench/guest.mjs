// In the guest: fio on our disk and on another one, in the same boot, on the same image. Every round runs each load on each
// side, back to back; the order turns from round to round, and what counts is the ratio within a round.
//   node bench/guest.mjs [--against builtin|nbd] [--rounds 5] [--seconds 3] [--core wasm|js] [--loads WORD] [--floor] [--tmpfs]
//                        [--nbd qemu-nbd|nbdkit] [--json FILE]
// --against builtin compares with QEMU's own server; --against nbd compares our disk on an NBD server that has the image with
// our disk on the image itself. --loads takes only those whose name contains WORD; --floor adds a second disk of the other
// side, whose ratio to the first shows the noise; --tmpfs keeps the image in /dev/shm.
// Needs `npm run build && npm run build:bridge`.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureGuest, writeJobInitramfs } from "../dist/cli/guest-image.js";
import { qemuArguments } from "../dist/cli/qemu-guest.js";
import { callDaemon } from "../dist/control/client.js";

const { values } = parseArgs({
  options: {
    against: { type: "string", default: "builtin" },
    nbd: { type: "string", default: "qemu-nbd" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    core: { type: "string", default: "wasm" },
    loads: { type: "string", default: "" },
    floor: { type: "boolean", default: false },
    tmpfs: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const root = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "vscsi-bench-"));
const imageFolder = values.tmpfs ? mkdtempSync("/dev/shm/vscsi-bench-") : folder;
const image = join(imageFolder, "disk.img");
const socket = join(folder, "guest.sock");
const control = join(folder, "control.sock");
const DISK_BYTES = 64 * 2 ** 20;
const OURS = "0x71000003";
/** The second one is there for --floor: an adapter of its own, as the others have. */
const OTHERS = values.floor ? ["0x71000004", "0x71000005"] : ["0x71000004"];
const UNITS = [OURS, ...OTHERS];
const SIDES = ["ours", ...OTHERS.map((_, index) => `other${index}`)];
const nbdSocket = join(folder, "nbd.sock");
/** Other backends than a file, and the program that serves them. */
const AGAINST = {
  builtin: { ours: "ours", other: "built-in" },
  nbd: { ours: "NBD", other: "file" },
};
const NBD_SERVERS = {
  "qemu-nbd": [
    "-t",
    "-e",
    "8",
    "-k",
    nbdSocket,
    `json:${JSON.stringify({ driver: "raw", file: { driver: "file", filename: image, locking: "off" } })}`,
  ],
  nbdkit: ["-f", "-U", nbdSocket, "file", image],
};
if (!(values.against in AGAINST) || !(values.nbd in NBD_SERVERS))
  throw new Error("see the head of this file for what --against and --nbd take");
const names = AGAINST[values.against];

const LOADS = [
  { name: "sequential read 64K", rw: "read", bs: "64k", depth: 1 },
  { name: "sequential write 64K", rw: "write", bs: "64k", depth: 1 },
  { name: "random read 4K QD1", rw: "randread", bs: "4k", depth: 1 },
  { name: "random write 4K QD1", rw: "randwrite", bs: "4k", depth: 1 },
  { name: "random read 4K QD16", rw: "randread", bs: "4k", depth: 16 },
  { name: "random write 4K QD16", rw: "randwrite", bs: "4k", depth: 16 },
  { name: "sequential read 64K QD8", rw: "read", bs: "64k", depth: 8 },
  { name: "sequential write 64K QD8", rw: "write", bs: "64k", depth: 8 },
].filter(({ name }) => name.includes(values.loads));

// All disks are the same file: what is compared is the way to it, page cache and host file system are shared.
const fio = (load, disk) =>
  `fio --name=x --filename=${disk} --rw=${load.rw} --bs=${load.bs} --iodepth=${load.depth} --ioengine=libaio --direct=1 ` +
  `--size=48M --time_based --runtime=${values.seconds} --ramp_time=1 --minimal --output=/tmp/out 2>/tmp/err || cat /tmp/err`;

/** Fields of fio's terse output: I/O per second read, and written. */
const iopsField = (load) => (load.rw.endsWith("read") ? 8 : 49);

/** Each side comes first equally often, so that a drift of the machine's speed favours none. */
const order = (round) => SIDES.map((_, index) => SIDES[(index + round) % SIDES.length]);

const job = [
  "for d in /sys/block/sd*; do disk=/dev/$(basename $d); case $(readlink -f $d/device) in",
  ...UNITS.map((unit, index) => `*/${unit.slice(2)}/*) ${SIDES[index]}=$disk;;`),
  "esac; done",
  `echo "${SIDES.map((side) => `${side} $${side}`).join(" ")}"`,
  `dd if=/dev/urandom of=$ours bs=1M count=48 conv=fsync 2>/dev/null`,
  ...Array.from({ length: rounds }, (_, round) =>
    LOADS.flatMap((load, index) =>
      order(round).map(
        (side) => `${fio(load, `$${side}`)}; echo "RESULT ${index} ${side} $(cut -d';' -f${iopsField(load)} /tmp/out)"`,
      ),
    ),
  ).flat(),
].join("\n");

/** Our adapters: one on the image, or one on the server that has it and the others on the image. */
function configuration() {
  const adapter = (unitAddress, backend) => ({ unitAddress, guest: "guest", logicalUnits: [{ target: 1, backend }] });
  const file = { type: "file", path: image };
  const adapters =
    values.against === "builtin"
      ? [adapter(OURS, file)]
      : [
          adapter(OURS, { type: "nbd", uri: `nbd+unix:///?socket=${nbdSocket}` }),
          ...OTHERS.map((unit) => adapter(unit, file)),
        ];
  return {
    version: 1,
    core: values.core,
    log: { level: "warn" },
    control,
    guests: [{ name: "guest", socket }],
    adapters,
  };
}

writeFileSync(image, Buffer.alloc(DISK_BYTES));
const children = [];
if (values.against === "nbd") {
  children.push(spawn(values.nbd, NBD_SERVERS[values.nbd], { stdio: ["ignore", "inherit", "inherit"] }));
  while (!existsSync(nbdSocket)) await new Promise((done) => setTimeout(done, 50));
}
const configFile = join(folder, "config.json");
writeFileSync(configFile, JSON.stringify(configuration()));
const serve = [join(root, "dist/cli/main.js"), "serve", "--config", configFile];
const daemon = spawn(
  process.execPath,
  [...(process.env.DAEMON_NODE_OPTIONS ?? "").split(" ").filter(Boolean), ...serve],
  {
    stdio: ["ignore", "inherit", "inherit"],
  },
);
children.push(daemon);

try {
  await untilUp();
  const base = await ensureGuest(join(root, ".guest"), (line) => console.error(line));
  const initramfs = join(folder, "initramfs");
  await writeJobInitramfs(base.initramfs, job, {}, initramfs);
  const bridged = values.against === "builtin" ? [OURS] : UNITS;
  const args = qemuArguments({
    linux: { kernel: base.kernel, initramfs },
    memoryMiB: 512,
    units: UNITS,
    plugin: [join(root, "build/vscsi-bridge.so"), `socket=${socket}`, ...bridged.map((unit) => `unit=${unit}`)],
    builtInDisks: UNITS.filter((unit) => !bridged.includes(unit)).map((unit) => ({
      path: image,
      unit: UNITS.indexOf(unit),
    })),
  });
  // The image is open twice on purpose; QEMU's own lock would refuse that.
  report(await measure(args.map((text) => text.replace(/^(file=.*)$/, "$1,file.locking=off"))));
} finally {
  for (const child of children.reverse()) {
    if (child.exitCode === null && child.kill("SIGTERM")) await new Promise((done) => child.once("exit", done));
  }
  for (const path of [folder, imageFolder]) rmSync(path, { recursive: true, force: true });
}

async function untilUp() {
  for (let tries = 0; tries < 200; tries++) {
    try {
      await callDaemon(control, "status");
      return;
    } catch {
      if (daemon.exitCode !== null) throw new Error("the daemon ended");
      await new Promise((done) => setTimeout(done, 50));
    }
  }
  throw new Error("the daemon did not come up");
}

function measure(args) {
  return new Promise((done, fail) => {
    const results = LOADS.map(() => Object.fromEntries(SIDES.map((side) => [side, []])));
    const qemu = spawn("qemu-system-ppc64", args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    qemu.stdout.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
      const lines = text.split(/\r?\n/);
      text = lines.pop() ?? "";
      for (const line of lines) {
        const match = /RESULT (\d+) (\w+) (\d+)/.exec(line);
        if (match) results[Number(match[1])][match[2]].push(Number(match[3]));
        if (match || process.env.VERBOSE) process.stderr.write(`${line}\n`);
      }
    });
    qemu.on("exit", (code) => (code === 0 ? done(results) : fail(new Error(`QEMU ended with ${code}`))));
  });
}

/** Least, median, greatest. */
function spread(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
  return { least: sorted[0], median, greatest: sorted.at(-1) };
}

function ratios(numerators, denominators) {
  return spread(numerators.map((value, round) => value / denominators[round]));
}

function report(results) {
  const rows = LOADS.map((load, index) => {
    const { ours, other0, other1 } = results[index];
    for (const [side, list] of Object.entries(results[index]))
      if (list.length !== rounds) throw new Error(`${load.name}: ${list.length} of ${rounds} results of ${side}`);
    return {
      load: load.name,
      ours: spread(ours).median,
      other: spread(other0).median,
      ratio: ratios(ours, other0),
      ...(other1 ? { floor: ratios(other1, other0) } : {}),
      rounds: results[index],
    };
  });
  const text = ({ least, median, greatest }) =>
    `${median.toFixed(2).padStart(6)} (${least.toFixed(2)} to ${greatest.toFixed(2)})`;
  console.log(
    `core ${values.core}, image ${values.tmpfs ? "in memory" : "in a file"}; I/O per second: medians; ` +
      `ratio: median (least to greatest) of ${rounds} rounds of ${values.seconds} s`,
  );
  console.log(
    `${"load".padEnd(24)} ${names.ours.padStart(7)} ${names.other.padStart(10)}    ratio${values.floor ? "                  floor" : ""}`,
  );
  for (const { load, ours, other, ratio, floor } of rows)
    console.log(
      `${load.padEnd(24)} ${String(ours).padStart(7)} ${String(other).padStart(10)} ${text(ratio)} ${floor ? text(floor) : ""}`,
    );
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ options: values, rows }, null, 2)}\n`);
}
