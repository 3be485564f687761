import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { callDaemon } from "../control/client.ts";
import { EXIT_FAILED } from "./errors.ts";
import { ensureGuest } from "./guest-image.ts";
import { controlOption } from "./options.ts";
import { qemuArguments } from "./qemu-guest.ts";

const QEMU = "qemu-system-ppc64";
const BUILD_BRIDGE = fileURLToPath(new URL("../../qemu/build", import.meta.url));
const BRIDGE = fileURLToPath(new URL("../../build/vscsi-bridge.so", import.meta.url));

interface GuestFlags {
  control: string;
  memory: string;
  printOnly?: boolean;
  json?: boolean;
  boot?: boolean;
  directory: string;
}

/** `vscsi guest`: a stock QEMU with a small Debian guest, whose disks the running daemon serves. */
export function guestCommand(): Command {
  return new Command("guest")
    .description("Start a small Debian guest in a stock QEMU, on the disks that the running daemon serves.")
    .addOption(controlOption())
    .option("--memory <MiB>", "guest memory in MiB", "1024")
    .option("--directory <path>", "where the guest's kernel and initramfs are made and kept", ".guest")
    .option("--boot", "boot from a served disk or disc (scripts/make-boot-disk) instead of the small guest")
    .option("--print-only", "print the QEMU command line and stop")
    .option("--json", "with --print-only: print it as a JSON array")
    .action(startGuest);
}

async function startGuest(flags: GuestFlags): Promise<void> {
  const status = await callDaemon(flags.control, "status");
  const served = status.adapters.filter((adapter) => adapter.socket !== undefined);
  const socket = served[0]?.socket;
  if (socket === undefined)
    throw failure('the daemon serves no guest: start it with "vscsi serve --disk PATH", or list a guest in its file');
  if (!existsSync(BRIDGE)) throw failure(`${BRIDGE} is missing: run "bash ${BUILD_BRIDGE}" (needs a C compiler)`);
  const units = served
    .filter((adapter) => adapter.socket === socket)
    .map(({ unitAddress }) => `0x${unitAddress.toString(16)}`);
  const linux = flags.boot
    ? undefined
    : await ensureGuest(flags.directory, (line) => process.stderr.write(`${line}\n`));
  const args = qemuArguments({
    linux,
    memoryMiB: Number(flags.memory),
    units,
    plugin: [BRIDGE, `socket=${socket}`, ...units.map((unit) => `unit=${unit}`)],
  });
  const command = [QEMU, ...args];
  const text = flags.json ? JSON.stringify(command, null, 2) : command.map(quote).join(" ");
  if (flags.printOnly) return void process.stdout.write(`${text}\n`);
  process.stderr.write(`${text}\n`);
  const qemu = spawn(QEMU, args, { stdio: "inherit" });
  // Ctrl-C is for the guest's shell: QEMU gets it from the terminal, and we wait for QEMU.
  process.on("SIGINT", () => {});
  qemu.once("error", (error) => {
    process.stderr.write(`vscsi: ${QEMU} can't be started (${error.message}); run scripts/system-packages\n`);
    process.exitCode = EXIT_FAILED;
  });
  const [code] = await once(qemu, "close");
  if (code !== 0) process.exitCode = EXIT_FAILED;
}

function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}

function failure(message: string): Error {
  return Object.assign(new Error(message), { code: "VSCSI_GUEST" });
}
