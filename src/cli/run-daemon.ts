import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { Daemon } from "../daemon/daemon.ts";
import { ConfigurationFile } from "../host/configuration-file.ts";
import { DirectoryLock } from "../host/directory-lock.ts";
import { inheritedSockets } from "../host/inherited-sockets.ts";
import { ServiceManager } from "../host/service-manager.ts";
import { createLogger } from "../observe/logger.ts";
import { UsageError } from "./errors.ts";
import { configFromFlags } from "./flags-config.ts";
import { defaultControlSocket, type ServeFlags } from "./options.ts";
import { stopSignal } from "./stop-signal.ts";

/** A file describes everything; only the flags that do not describe adapters go with it. */
function fileConfig(path: string, flags: ServeFlags): Config {
  const names = ["disk", "memory", "cdrom", "unit", "socket", "iscsi"] as const;
  const clash = names.find((name) => flags[name] !== undefined);
  if (clash) throw new UsageError(`--${clash} does not go with --config: write it into ${path}`);
  return withFlags(loadConfig(path), flags);
}

/** What flags say though a file says otherwise. */
function withFlags(config: Config, flags: ServeFlags): Config {
  if (flags.core !== undefined) config.core = flags.core;
  if (flags.logLevel !== undefined) config.log.level = flags.logLevel;
  if (flags.logFormat !== undefined) config.log.format = flags.logFormat;
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

/** Before anything in it is read: what another daemon is about to save would be lost. @throws DirectoryLockError */
function takeStateDirectory(path: string, { logFormat }: ServeFlags): DirectoryLock {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return DirectoryLock.take(path, createLogger("warn", logFormat));
}

/** Serves until a signal says stop. @throws UsageError, ConfigError, and what keeps the daemon from coming up */
export async function runDaemon(flags: ServeFlags): Promise<void> {
  const { state, mount, config: reads } = flags;
  const file = state === undefined ? undefined : new ConfigurationFile(join(state, "configuration.json"));
  const lock = state === undefined ? undefined : takeStateDirectory(state, flags);
  const { config, restored } = chooseConfig(flags, file);
  const log = createLogger(config.log.level, config.log.format);
  if (restored) log.info({ file: file?.path }, "serving the configuration that was saved");
  const manager = ServiceManager.fromEnvironment(log);
  const stop = stopSignal();
  const daemon = await Daemon.start(config, log, {
    controlDescriptor: inheritedSockets().get("control"),
    logging: log,
    file,
    lenient: restored || flags.keepGoing === true,
    mount,
    reads,
    ...(state !== undefined && { stateDirectory: join(state, "units") }),
  });
  const { adapters, iscsi } = daemon.status();
  log.info({ adapters: adapters.length, milliseconds: Math.round(performance.now()) }, "serving");
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
  lock?.release();
}
