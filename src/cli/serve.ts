import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { loadConfig } from "../config/load.ts";
import { logFormat, logLevel } from "../config/log-schema.ts";
import type { Config } from "../config/schema.ts";
import { Daemon } from "../daemon/daemon.ts";
import { ConfigurationFile } from "../host/configuration-file.ts";
import { inheritedSockets } from "../host/inherited-sockets.ts";
import { ServiceManager } from "../host/service-manager.ts";
import { createLogger } from "../observe/logger.ts";
import { UsageError } from "./errors.ts";
import {
  configFromFlags,
  DEFAULT_ISCSI_TARGET,
  DEFAULT_UNIT_ADDRESS,
  defaultControlSocket,
  defaultGuestSocket,
  type ServeFlags,
} from "./options.ts";

/** `vscsi serve`: the daemon, in the foreground. */
export function serveCommand(): Command {
  const collect = (value: string, list: string[] | undefined) => [...(list ?? []), value];
  return new Command("serve")
    .description("Serve disks until SIGTERM or Ctrl-C: finishes what is in flight, flushes, exits 0.")
    .option("--config <file>", "JSON file with adapters, logical units and sockets (docs/configuration.md)")
    .option("--disk <path[,ro]>", "serve an image or block device at the next target; may be repeated", collect)
    .option("--memory <size>", 'serve a memory disk ("64M") at the next target; may be repeated', collect)
    .option(
      "--cdrom <path>",
      'serve a CD or DVD image in an optical drive ("": an empty one); may be repeated',
      collect,
    )
    .option("--unit <address>", `unit address of the guest's adapter (default: ${DEFAULT_UNIT_ADDRESS})`)
    .option("--socket <path>", `socket for the guest's bridge (default: ${defaultGuestSocket()})`)
    .option(
      "--iscsi [address:port]",
      `serve the disks by iSCSI too, as target ${DEFAULT_ISCSI_TARGET} (default: 127.0.0.1:3260)`,
    )
    .option("--control <path>", `control socket (default: ${defaultControlSocket()})`)
    .option(
      "--state <directory>",
      "keep what is changed while it runs, and what units keep, in this folder; what it holds is served the next time",
    )
    .option("--mount <directory>", "show the configuration tree as a file system there (root only; docs/tree.md)")
    .addOption(new Option("--core <core>", "implementation of the hot path").choices(["wasm", "js"]))
    .addOption(new Option("--log-level <level>", "log level (default: info)").choices(logLevel.options))
    .addOption(
      new Option("--log-format <format>", "how a line is written (default: pretty on a terminal, else json)").choices(
        logFormat.options,
      ),
    )
    .addHelpText("after", "\nExample: vscsi serve --disk disk.img --cdrom install.iso\n")
    .action(async (flags: ServeFlags) => {
      await serve(flags);
    });
}

/** A file describes everything; only the flags that do not describe adapters go with it. */
function fileConfig(path: string, flags: ServeFlags): Config {
  const names = ["disk", "memory", "cdrom", "unit", "socket", "iscsi"] as const;
  const clash = names.find((name) => flags[name] !== undefined);
  if (clash) throw new UsageError(`--${clash} does not go with --config: write it into ${path}`);
  return withFlags(loadConfig(path), flags);
}

/** What flags say though a file says otherwise. */
function withFlags(config: Config, flags: ServeFlags): Config {
  if (flags.core !== undefined) config.core = flags.core as Config["core"];
  if (flags.logLevel !== undefined) config.log.level = flags.logLevel as Config["log"]["level"];
  if (flags.logFormat !== undefined) config.log.format = flags.logFormat as "json";
  config.control = flags.control ?? config.control ?? defaultControlSocket();
  return config;
}

/** What was saved is served, whatever the flags described the first time. */
function chooseConfig(flags: ServeFlags, file: ConfigurationFile | undefined): { config: Config; restored: boolean } {
  if (file !== undefined && existsSync(file.path))
    return { config: withFlags(loadConfig(file.path), flags), restored: true };
  const config = flags.config === undefined ? configFromFlags(flags) : fileConfig(flags.config, flags);
  return { config, restored: false };
}

async function serve(flags: ServeFlags): Promise<void> {
  const { state, mount, config: reads } = flags;
  const file = state === undefined ? undefined : new ConfigurationFile(join(state, "configuration.json"));
  if (state !== undefined) mkdirSync(state, { recursive: true, mode: 0o700 });
  const { config, restored } = chooseConfig(flags, file);
  const log = createLogger(config.log.level, config.log.format);
  if (restored) log.info({ file: file?.path }, "serving the configuration that was saved");
  const manager = ServiceManager.fromEnvironment(log);
  const stop = stopSignal();
  const daemon = await Daemon.start(config, log, {
    controlDescriptor: inheritedSockets().get("control"),
    logging: log,
    file,
    lenient: restored,
    mount,
    reads,
    ...(state !== undefined && { stateDirectory: join(state, "units") }),
  });
  const { adapters, iscsi } = daemon.status();
  manager.ready(`serving ${adapters.length} adapters, ${iscsi?.targets.length ?? 0} iSCSI targets`);
  const reload = () => {
    daemon.reload().then(
      ({ changes }) => log.info({ changes }, "configuration read again"),
      (error: Error) => log.error({ error: error.message }, "the configuration stays as it was"),
    );
  };
  process.on("SIGHUP", reload);
  const signal = await stop;
  process.removeListener("SIGHUP", reload);
  log.info({ signal }, "stopping: finishing what is in flight; another signal ends it at once");
  manager.stopping("finishing what is in flight");
  await daemon.stop();
  manager.stopped();
}

const STOP_SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      for (const name of STOP_SIGNALS) process.removeListener(name, stop);
      resolve(signal);
    };
    for (const name of STOP_SIGNALS) process.on(name, stop);
  });
}
