import { Command } from "commander";
import { UsageError } from "./errors.ts";
import { type OperationFlags, operate, withOperationFlags } from "./operation.ts";
import { backendFlag, DISK_FLAG } from "./options.ts";
import { parsePlace } from "./place.ts";

interface AddFlags extends OperationFlags {
  disk?: string;
  memory?: string;
  unit?: string;
  optical?: boolean;
  removable?: boolean;
  blockSize?: string;
  serial?: string;
}

/** `vscsi unit`: logical units that come, go and change while the daemon runs. */
export function unitCommand(): Command {
  return new Command("unit")
    .description("Add, remove and change logical units of the running daemon. Its configuration file stays as it is.")
    .addCommand(addCommand())
    .addCommand(removeCommand())
    .addCommand(resizeCommand())
    .addCommand(writeProtectCommand());
}

function addCommand(): Command {
  return withOperationFlags(
    new Command("add")
      .description("Show a new logical unit; a PLACE without a slash names a unit for others to show.")
      .argument("<place>")
      .option(`--disk <${DISK_FLAG}>`, "an image or block device, or an overlay over it")
      .option("--memory <size>", 'a memory disk ("64M")')
      .option("--unit <name>", "a unit that has a name already")
      .option("--optical", "an optical drive; without --disk it is empty")
      .option("--removable", "a disk whose medium can be taken out; without --disk it is empty")
      .option("--block-size <bytes>", "512 or 4096")
      .option("--serial <text>", "serial number"),
  ).action(async (place: string, flags: AddFlags) => {
    const { unit: name, ...address } = { unit: undefined, ...parsePlace(place) };
    if (name !== undefined && flags.unit !== undefined) throw new UsageError("a named unit can't be another one");
    await operate(flags, "unit.add", { ...(name !== undefined && { name }), ...address, ...describe(flags) });
  });
}

function describe({ disk, memory, unit, optical, removable, blockSize, serial }: AddFlags): object {
  return {
    ...(unit !== undefined && { unit }),
    ...backendFlag(disk, memory),
    ...(optical && { type: "optical" }),
    ...(removable && { removable }),
    ...(blockSize !== undefined && { blockSize: Number(blockSize) }),
    ...(serial !== undefined && { serial }),
  };
}

function removeCommand(): Command {
  return withOperationFlags(
    new Command("remove")
      .description("Take a unit away: its commands may end, then it is flushed and closed if nobody else shows it.")
      .argument("<place>")
      .option("--grace <seconds>", "how long its commands may take before they are aborted", "5"),
  ).action(async (place: string, flags: OperationFlags & { grace: string }) => {
    const grace = Math.round(Number(flags.grace) * 1000);
    await operate(flags, "unit.remove", { place: parsePlace(place), grace });
  });
}

function resizeCommand(): Command {
  return withOperationFlags(
    new Command("resize")
      .description("Take over the size that an image or device has by now, or give it SIZE first; clients are told.")
      .argument("<place>")
      .argument("[size]", 'bytes, or a number with K, M, G or T ("2G")'),
  ).action(async (place: string, size: string | undefined, flags: OperationFlags) => {
    await operate(flags, "unit.resize", { place: parsePlace(place), ...(size !== undefined && { size }) });
  });
}

function writeProtectCommand(): Command {
  return withOperationFlags(
    new Command("write-protect")
      .description("Protect a unit's medium from being written, or no longer.")
      .argument("<place>")
      .option("--off", "make it writable again"),
  ).action(async (place: string, flags: OperationFlags & { off?: boolean }) => {
    await operate(flags, "unit.writeProtect", { place: parsePlace(place), readOnly: flags.off !== true });
  });
}
