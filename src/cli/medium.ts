import { Command } from "commander";
import { UsageError } from "./errors.ts";
import { type OperationFlags, operate, withOperationFlags } from "./operation.ts";
import { backendFlag, DISK_FLAG } from "./options.ts";
import { parsePlace } from "./place.ts";

interface MoveFlags extends OperationFlags {
  force?: boolean;
}

interface LoadFlags extends MoveFlags {
  disk?: string;
  memory?: string;
}

/** `vscsi medium`: what is in an optical drive or removable disk of the running daemon. */
export function mediumCommand(): Command {
  return new Command("medium")
    .description("Eject, load and change the medium of an optical drive or removable disk.")
    .addCommand(ejectCommand())
    .addCommand(loadCommand("load", "Put a medium in and close the tray."))
    .addCommand(loadCommand("change", "Take out what is there, and put another medium in."));
}

const FORCE = ["--force", "also when a client prevents removal"] as const;

function ejectCommand(): Command {
  return withOperationFlags(
    new Command("eject")
      .description("Open the tray and take the medium away.")
      .argument("<place>")
      .option(...FORCE),
  ).action(async (place: string, flags: MoveFlags) => {
    await operate(flags, "medium.eject", { place: parsePlace(place), force: flags.force === true });
  });
}

function loadCommand(name: "load" | "change", description: string): Command {
  return withOperationFlags(
    new Command(name)
      .description(description)
      .argument("<place>")
      .option(`--disk <${DISK_FLAG}>`, "an image or block device, or an overlay over it")
      .option("--memory <size>", 'a memory medium ("64M")')
      .option(...FORCE),
  ).action(async (place: string, flags: LoadFlags) => {
    const medium = backendFlag(flags.disk, flags.memory);
    if (medium === undefined) throw new UsageError("which medium? give --disk PATH[,ro] or --memory SIZE");
    await operate(flags, "medium.load", { place: parsePlace(place), ...medium, force: flags.force === true });
  });
}
