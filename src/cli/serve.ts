import { Command, Option } from "commander";
import { LOG_FORMATS, LOG_LEVELS } from "../config/log-levels.ts";
import {
  DEFAULT_CONTROL_SOCKET_HELP,
  DEFAULT_GUEST_SOCKET_HELP,
  DEFAULT_ISCSI_PLACE,
  DEFAULT_ISCSI_TARGET,
  DEFAULT_UNIT_ADDRESS,
  DISK_FLAG,
  type ServeFlags,
} from "./options.ts";

/** `vscsi serve`: the daemon, in the foreground. */
export function serveCommand(): Command {
  const collect = (value: string, list: string[] | undefined) => [...(list ?? []), value];
  return new Command("serve")
    .description("Serve disks until SIGTERM or Ctrl-C: finishes what is in flight, flushes, exits 0.")
    .option("--config <file>", "JSON file with adapters, logical units and sockets (docs/configuration.md)")
    .option(
      `--disk <${DISK_FLAG}>`,
      "serve an image or block device at the next target; may be repeated. With overlay=FILE its changes go there, with overlay they are thrown away at the end",
      collect,
    )
    .option("--memory <size>", 'serve a memory disk ("64M") at the next target; may be repeated', collect)
    .option(
      "--cdrom <path>",
      'serve a CD or DVD image in an optical drive ("": an empty one); may be repeated',
      collect,
    )
    .option("--unit <address>", `unit address of the guest's adapter (default: ${DEFAULT_UNIT_ADDRESS})`)
    .option("--socket <path>", `socket for the guest's bridge (default: ${DEFAULT_GUEST_SOCKET_HELP})`)
    .option(
      "--iscsi [address:port]",
      `serve the disks by iSCSI too, as target ${DEFAULT_ISCSI_TARGET} (default: ${DEFAULT_ISCSI_PLACE})`,
    )
    .option("--control <path>", `control socket (default: ${DEFAULT_CONTROL_SOCKET_HELP})`)
    .option(
      "--state <directory>",
      "keep what is changed while it runs, and what units keep, in this folder; what it holds is served the next time",
    )
    .option(
      "--keep-going",
      "come up without the units that can't be opened, and try them again every ten seconds, as with what --state has saved",
    )
    .option("--mount <directory>", "show the configuration tree as a file system there (root only; docs/tree.md)")
    .addOption(new Option("--core <core>", "implementation of the hot path").choices(["wasm", "js"]))
    .addOption(new Option("--log-level <level>", "log level (default: info)").choices(LOG_LEVELS))
    .addOption(
      new Option("--log-format <format>", "how a line is written (default: pretty on a terminal, else json)").choices(
        LOG_FORMATS,
      ),
    )
    .addHelpText("after", "\nExample: vscsi serve --disk disk.img --cdrom install.iso\n")
    .action(async (flags: ServeFlags) => {
      // What only the daemon needs is loaded for it only.
      const { runDaemon } = await import("./run-daemon.ts");
      await runDaemon(flags);
    });
}
