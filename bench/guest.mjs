// In the guest: fio on our disk and on QEMU's built-in one, in the same boot, on the same image, interleaved.
// Usage: node bench/guest.mjs [--rounds 3] [--seconds 4] [--core wasm|js]. Needs `npm run build && npm run build:bridge`.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureGuest, writeJobInitramfs } from "../dist/cli/guest-image.js";
import { qemuArguments } from "../dist/cli/qemu-guest.js";
import { callDaemon } from "../dist/control/client.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
    core: { type: "string", default: "wasm" },
  },
});
const root = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "vscsi-bench-"));
const image = join(folder, "disk.img");
const socket = join(folder, "guest.sock");
const control = join(folder, "control.sock");
const DISK_BYTES = 64 * 2 ** 20;
const OURS = "0x71000003";
const BUILT_IN = "0x71000004";

const LOADS = [
  { name: "sequential read 64K", rw: "read", bs: "64k", depth: 1 },
  { name: "sequential write 64K", rw: "write", bs: "64k", depth: 1 },
  { name: "random read 4K QD1", rw: "randread", bs: "4k", depth: 1 },
  { name: "random write 4K QD1", rw: "randwrite", bs: "4k", depth: 1 },
  { name: "random read 4K QD16", rw: "randread", bs: "4k", depth: 16 },
  { name: "random write 4K QD16", rw: "randwrite", bs: "4k", depth: 16 },
];

// Both disks are the same file: what is compared is the way to it, page cache and host file system are shared.
const fio = (load, disk) =>
  `fio --name=x --filename=${disk} --rw=${load.rw} --bs=${load.bs} --iodepth=${load.depth} --ioengine=libaio --direct=1 ` +
  `--size=48M --time_based --runtime=${values.seconds} --ramp_time=1 --minimal --output=/tmp/out 2>/tmp/err || cat /tmp/err`;

const job = [
  "for d in /sys/block/sd*; do v=$(cat $d/device/vendor); case $v in QEMU*) builtin=/dev/$(basename $d);; *) ours=/dev/$(basename $d);; esac; done",
  'echo "ours $ours built-in $builtin"',
  `dd if=/dev/urandom of=$ours bs=1M count=48 conv=fsync 2>/dev/null`,
  ...Array.from({ length: Number(values.rounds) }, (_, round) =>
    LOADS.flatMap((load, index) => {
      const sides = ["ours", "builtin"];
      if (round % 2) sides.reverse();
      return sides.map(
        (side) =>
          `${fio(load, `$${side}`)}; echo "RESULT ${index} ${side} $(cut -d';' -f${load.rw.endsWith("read") ? "8" : "49"} /tmp/out)"`,
      );
    }),
  ).flat(),
].join("\n");

const daemon = spawn(
  process.execPath,
  [
    join(root, "dist/cli/main.js"),
    "serve",
    "--core",
    values.core,
    "--disk",
    image,
    "--socket",
    socket,
    "--control",
    control,
    "--log-level",
    "warn",
  ],
  { stdio: ["ignore", "inherit", "inherit"] },
);

try {
  writeFileSync(image, Buffer.alloc(DISK_BYTES));
  await untilUp();
  const base = await ensureGuest(join(root, ".guest"), (line) => console.error(line));
  const initramfs = join(folder, "initramfs");
  await writeJobInitramfs(base.initramfs, job, {}, initramfs);
  const args = qemuArguments({
    kernel: base.kernel,
    initramfs,
    memoryMiB: 512,
    units: [OURS, BUILT_IN],
    plugin: [join(root, "build/vscsi-bridge.so"), `socket=${socket}`, `unit=${OURS}`],
    builtInDisks: [{ path: image, unit: 1 }],
  });
  // The image is open twice on purpose; QEMU's own lock would refuse that.
  report(await measure(args.map((text) => text.replace(/^(file=.*)$/, "$1,file.locking=off"))));
} finally {
  daemon.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
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
    const results = LOADS.map(() => ({ ours: [], builtin: [] }));
    const qemu = spawn("qemu-system-ppc64", args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    qemu.stdout.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
      const lines = text.split(/\r?\n/);
      text = lines.pop() ?? "";
      for (const line of lines) {
        const match = /RESULT (\d+) (ours|builtin) (\d+)/.exec(line);
        if (match) {
          results[Number(match[1])][match[2]].push(Number(match[3]));
          process.stderr.write(`${line}\n`);
        } else if (process.env.VERBOSE) process.stderr.write(`${line}\n`);
      }
    });
    qemu.on("exit", (code) => (code === 0 ? done(results) : fail(new Error(`QEMU ended with ${code}`))));
  });
}

function report(results) {
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1] ?? Number.NaN;
  console.log(`core ${values.core}; I/O per second, median of ${values.rounds} rounds of ${values.seconds} s`);
  console.log("load                      ours   built-in   ratio");
  for (const [index, load] of LOADS.entries()) {
    const ours = median(results[index].ours);
    const builtin = median(results[index].builtin);
    console.log(
      `${load.name.padEnd(22)} ${String(ours).padStart(7)} ${String(builtin).padStart(10)} ${(ours / builtin).toFixed(2).padStart(7)}`,
    );
  }
}
