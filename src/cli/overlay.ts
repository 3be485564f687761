import { Command } from "commander";
import { formatSize } from "../config/size.ts";
import { callDaemon } from "../control/client.ts";
import type { OverlaySummary } from "../control/results.ts";
import { EXIT_FAILED } from "./errors.ts";
import { type OperationFlags, withOperationFlags } from "./operation.ts";
import { parsePlace } from "./place.ts";

/** How often a merge is asked how far it is, in milliseconds. */
const INTERVAL = 250;
/** Milliseconds: what is under way at the unit may have to end first. */
const TIMEOUT = 120_000;

/** `vscsi overlay`: what units have changed over their bases. */
export function overlayCommand(): Command {
  return new Command("overlay")
    .description("See, merge and throw away what the overlays of the running daemon have.")
    .addCommand(statusCommand())
    .addCommand(mergeCommand())
    .addCommand(discardCommand());
}

function statusCommand(): Command {
  return withOperationFlags(
    new Command("status").description("Tell how much a unit's overlay has.").argument("<place>"),
  ).action(async (place: string, flags: OperationFlags) => {
    tell(await callDaemon(flags.control, "overlay.status", { place: parsePlace(place) }), flags);
  });
}

function mergeCommand(): Command {
  return withOperationFlags(
    new Command("merge")
      .description(
        "Copy what a unit's overlay has into its base, while the unit is in use. What is written meanwhile may stay in the overlay.",
      )
      .argument("<place>")
      .option("--no-wait", "only begin"),
  )
    .addHelpText(
      "after",
      "\nThe daemon goes on when this command is interrupted; an interrupted merge can be begun again.\n",
    )
    .action(async (place: string, flags: OperationFlags & { wait: boolean }) => {
      const parameters = { place: parsePlace(place) };
      let overlay = await callDaemon(flags.control, "overlay.merge", parameters, TIMEOUT);
      while (flags.wait && overlay.merge?.state === "merging") {
        progress(overlay);
        await new Promise((resolve) => setTimeout(resolve, INTERVAL));
        overlay = await callDaemon(flags.control, "overlay.status", parameters);
      }
      endProgress();
      tell(overlay, flags);
      if (overlay.merge?.state === "failed") process.exitCode = EXIT_FAILED;
    });
}

function discardCommand(): Command {
  return withOperationFlags(
    new Command("discard")
      .description(
        "Throw away what a unit's overlay has: it is what its base is. Initiators are told of another medium.",
      )
      .argument("<place>")
      .option("--force", "also while initiators are logged in"),
  ).action(async (place: string, flags: OperationFlags & { force?: boolean }) => {
    const parameters = { place: parsePlace(place), force: flags.force === true };
    tell(await callDaemon(flags.control, "overlay.discard", parameters, TIMEOUT), flags);
  });
}

function tell(overlay: OverlaySummary, { json }: OperationFlags): void {
  process.stdout.write(json ? `${JSON.stringify(overlay, null, 2)}\n` : `${formatOverlay(overlay)}\n`);
}

function formatOverlay({ description, changedBytes, merge }: OverlaySummary): string {
  const end = merge?.error === undefined ? "" : `: ${merge.error}`;
  const merged = merge && `, ${merge.state} ${formatSize(merge.done)} of ${formatSize(merge.total)}${end}`;
  return `${description}: ${formatSize(changedBytes)} in the overlay${merged ?? ""}`;
}

/** On a terminal alone, on one line of it. */
function progress({ merge }: OverlaySummary): void {
  if (merge === undefined || !process.stderr.isTTY) return;
  const share = merge.total === 0 ? 100 : Math.min(100, Math.floor((merge.done / merge.total) * 100));
  process.stderr.write(`\rmerging ${share} % of ${formatSize(merge.total)}\u001b[K`);
}

function endProgress(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
}
