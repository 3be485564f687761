import { ConfigError } from "../config/config-error.ts";
import { loadConfig } from "../config/load.ts";
import { type Config, type IscsiConfig, RELATIVE_TARGET_PORT_MAXIMUM } from "../config/schema.ts";
import type { Directory } from "../config/tree.ts";
import { describeMethods } from "../control/describe.ts";
import { MountError, TreeMount } from "../control/fuse/mount.ts";
import type { Methods } from "../control/method.ts";
import type { AdapterStatus, AppliedChanges, DaemonStatus } from "../control/results.ts";
import { ControlServer } from "../control/server.ts";
import { systemClock } from "../core/clock.ts";
import { loadCore } from "../core/core.ts";
import type { CoreExports } from "../core/exports.ts";
import type { Log } from "../core/log.ts";
import { SharedMemory } from "../core/shared-memory.ts";
import type { ConfigurationFile } from "../host/configuration-file.ts";
import { DirectoryLock } from "../host/directory-lock.ts";
import { packageVersion } from "../host/package-version.ts";
import { StateDirectory } from "../host/state-directory.ts";
import type { MetricsServer } from "../observe/metrics-server.ts";
import type { LogicalUnit } from "../scsi/logical-unit.ts";
import { lunAddress } from "../scsi/lun.ts";
import { Adapters, type LiveAdapter } from "./adapters.ts";
import { applyConfiguration, configurationMethods } from "./configuration-methods.ts";
import { Guests } from "./guests.ts";
import { IscsiExports } from "./iscsi.ts";
import { LocalPartitions } from "./local-partitions.ts";
import { logMethods } from "./log-methods.ts";
import { openLogicalUnit, type UnitConfig } from "./logical-units.ts";
import { plainMethod } from "./method.ts";
import { type MeasuredDaemon, measuredUnits, serveMetrics } from "./metrics.ts";
import { osName } from "./os-names.ts";
import { overlayMethods } from "./overlay-operations.ts";
import { Places } from "./places.ts";
import { PortGroups } from "./port-groups.ts";
import { withPorts } from "./running/edits.ts";
import { LiveConfiguration } from "./running/live-configuration.ts";
import { RunningConfiguration } from "./running/running-configuration.ts";
import { SharedUnits, type UnitNames } from "./shared-units.ts";
import { buildTree } from "./tree/root.ts";
import { treeMethods } from "./tree-methods.ts";
import { UnitOperations } from "./unit-operations.ts";

/** How often units that could not be opened are tried again, in milliseconds. */
const RETRY_INTERVAL = 10_000;

export interface DaemonOptions {
  /** Where the running configuration outlives the daemon. */
  readonly file?: ConfigurationFile | undefined;
  /** Units that can't be opened do not keep the daemon from coming up: they are told, and tried again. */
  readonly lenient?: boolean;
  /** A control socket that listens already, instead of the configuration's: its descriptor. */
  readonly controlDescriptor?: number | undefined;
  /** Changes what is logged while the daemon runs; a logger of pino's is one. */
  readonly logging?: { level: string } | undefined;
  /** Where units keep their state, when the configuration does not say. */
  readonly stateDirectory?: string;
  /** Where the tree is mounted. */
  readonly mount?: string | undefined;
  /** The file that is read again on `configuration.reload`. */
  readonly reads?: string | undefined;
}

/** Everything in one process: core, adapters, logical units, the sockets to guests and to whoever controls us. */
export class Daemon {
  readonly #config: Config;
  readonly #log: Log;
  readonly #memory = new SharedMemory();
  readonly #core: CoreExports;
  readonly #started = systemClock.now();
  readonly #units = new SharedUnits((config, names) => this.#openUnit(config, names));
  readonly #places = new Places();
  readonly #portGroups: PortGroups;
  readonly #guests: Guests;
  readonly #adapters: Adapters;
  readonly #live: LiveConfiguration;
  readonly #options: DaemonOptions;
  #state: StateDirectory | undefined;
  #lock: DirectoryLock | undefined;
  #iscsi: IscsiExports | undefined;
  #cancelRetry = () => {};
  /** The configuration tree. */
  readonly tree: Directory;
  /** What it serves, and how that is changed. */
  readonly running: RunningConfiguration;
  /** The software hypervisor, for adapters whose client is in this process. */
  readonly partitions: LocalPartitions;
  #control: ControlServer | undefined;
  #mount: TreeMount | undefined;
  #metrics: MetricsServer | undefined;
  #stopping = false;

  private constructor(config: Config, log: Log, options: DaemonOptions) {
    this.#config = withPorts(config);
    this.#log = log;
    this.#options = options;
    this.#core = loadCore(this.#memory, config.core);
    this.#portGroups = new PortGroups(config.portGroups);
    const { partition } = config;
    const memory = this.#memory;
    this.partitions = new LocalPartitions(memory, this.#core, partition.name, partition.number);
    this.#guests = new Guests(log);
    this.#adapters = new Adapters({
      memory,
      core: this.#core,
      log,
      partition,
      partitions: this.partitions,
      guests: this.#guests,
    });
    this.#live = new LiveConfiguration({
      adapters: this.#adapters,
      guests: this.#guests,
      places: this.#places,
      units: this.#units,
      memory,
      clock: systemClock,
      log,
    });
    this.running = new RunningConfiguration(this.#config, { live: this.#live, log, file: options.file });
    this.tree = buildTree({
      running: this.running,
      live: this.#live,
      adapters: this.#adapters,
      partitions: this.partitions,
    });
  }

  /**
   * Opens every backend, then every socket: a daemon that comes up serves everything its configuration lists, unless it
   * is lenient.
   * @throws StoreOpenError, SocketError, CoreModuleError; NodeJS.ErrnoException when the configuration can't be saved
   */
  static async start(config: Config, log: Log, options: DaemonOptions = {}): Promise<Daemon> {
    const daemon = new Daemon(config, log, options);
    try {
      await daemon.#start();
      return daemon;
    } catch (error) {
      await daemon.stop();
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { control, iscsi, adapters, metrics } = this.#config;
    const { stateDirectory = this.#options.stateDirectory } = this.#config;
    if (stateDirectory !== undefined) {
      this.#state = new StateDirectory(stateDirectory);
      this.#lock = DirectoryLock.take(stateDirectory, this.#log);
    }
    for (const [index, { relativeTargetPort = 0 }] of adapters.entries())
      this.#portGroups.join("adapters", index, relativeTargetPort);
    if (iscsi !== undefined) this.#makeTargets(iscsi);
    if (this.#config.log.debug !== 0) this.#live.setLog(this.#config.log);
    await this.running.start(this.#config, { lenient: this.#options.lenient ?? false });
    await this.#iscsi?.listen();
    if (metrics !== undefined) this.#metrics = await serveMetrics(metrics, this, this.#log);
    const socket = this.#options.controlDescriptor ?? control;
    if (socket !== undefined) this.#control = await ControlServer.listen(socket, this.#methods(), this.#log);
    await this.#mountTree();
    this.#retryLater();
  }

  /** Without FUSE, or without the rights to use it, everything else works. */
  async #mountTree(): Promise<void> {
    const { mount } = this.#options;
    if (mount === undefined) return;
    try {
      const mounted = await TreeMount.open(mount, this.tree, this.#log);
      this.running.onChange(() => mounted.changed());
      this.#mount = mounted;
    } catch (error) {
      if (!(error instanceof MountError)) throw error;
      this.#log.error({ error: error.message }, "going on without the mount; vscsi ls, cat and set show the same tree");
    }
  }

  /** Reads the configuration file again and moves to what it declares. @throws ConfigError; what a change throws */
  reload(): Promise<AppliedChanges> {
    const path = this.#options.reads ?? this.#options.file?.path;
    if (path === undefined) throw new ConfigError("there is no file to read again: serve with --config or --state");
    return applyConfiguration(this.running, loadConfig(path));
  }

  #retryLater(): void {
    this.#cancelRetry = systemClock.after(RETRY_INTERVAL, () => {
      void this.running.exclusively(() => this.#live.retry()).then(() => this.#retryLater());
    });
  }

  #methods(): Methods {
    const units = { places: this.#places, units: this.#units, running: this.running };
    const operations = new UnitOperations({ ...units, log: this.#log });
    const methods: Methods = {
      methods: plainMethod("Lists the methods, with the JSON Schema of their parameters.", () =>
        describeMethods(methods),
      ),
      status: plainMethod("Tells what the daemon serves, and to whom.", () => this.status()),
      ...(this.#options.logging && logMethods(this.#options.logging)),
      ...operations.methods,
      ...overlayMethods(units),
      ...treeMethods(this.tree),
      ...configurationMethods(this.running, () => this.reload()),
    };
    return methods;
  }

  /** What a scrape is told. */
  measure(): MeasuredDaemon {
    return {
      version: packageVersion(),
      core: this.#config.core,
      adapters: this.#adapters,
      units: measuredUnits(this.#units, this.#places),
      iscsi: this.#iscsi?.status(),
    };
  }

  /** What is wrong with the daemon as a whole; undefined when it serves. */
  get ailment(): string | undefined {
    return this.#stopping ? "stopping" : undefined;
  }

  #makeTargets(config: IscsiConfig): void {
    const exports = new IscsiExports({
      config,
      memory: this.#memory,
      clock: systemClock,
      log: this.#log,
      firstRelativeIdentifier: RELATIVE_TARGET_PORT_MAXIMUM + 1,
      portAdded: (portal, relativeIdentifier) => this.#portGroups.join("portals", portal, relativeIdentifier),
    });
    for (const [name, device] of exports.devices) this.#places.addTarget(name, device);
    this.#iscsi = exports;
  }

  /** @throws StoreOpenError, StateDirectoryError, StoredStateError */
  async #openUnit(config: UnitConfig, { place, state }: UnitNames): Promise<LogicalUnit> {
    const storage = this.#state?.file(state);
    try {
      return await openLogicalUnit(config, place, {
        memory: this.#memory,
        log: this.#log,
        storage,
        copyTargets: () => this.#units.all,
        portGroups: this.#portGroups.groups,
      });
    } catch (error) {
      storage?.abandon();
      throw error;
    }
  }

  status(): DaemonStatus {
    return {
      version: packageVersion(),
      pid: process.pid,
      core: this.#config.core,
      uptimeSeconds: (systemClock.now() - this.#started) / 1000,
      adapters: [...this.#adapters].map((adapter) => this.#adapterStatus(adapter)),
      ...(this.#metrics && { metrics: this.#metrics.place }),
      ...(this.#iscsi && { iscsi: this.#iscsi.status() }),
    };
  }

  #adapterStatus({ guest, unitAddress, requestLimit, device, adapter }: LiveAdapter): AdapterStatus {
    const { client, state, counters } = adapter;
    const socket = guest === undefined ? undefined : this.#guests.socketOf(guest);
    return {
      unitAddress,
      state,
      requestLimit,
      ...counters,
      ...(guest !== undefined && socket !== undefined && { guest, socket }),
      ...(client && {
        client: {
          partitionName: client.partitionName,
          partitionNumber: client.partitionNumber,
          osName: osName(client.osType),
        },
      }),
      logicalUnits: [...device.logicalUnits].map(([key, { size, readOnly, description }]) => ({
        ...lunAddress(key),
        size,
        readOnly,
        description,
      })),
    };
  }

  /** Finishes what is in flight, answers it, flushes and closes every backend. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancelRetry();
    await this.#mount?.close();
    await Promise.all([this.#iscsi?.close(), this.#adapters.stop()]);
    await this.#guests.close();
    await this.#control?.close();
    await this.#metrics?.close();
    await this.#units.close();
    this.#lock?.release();
    this.#log.info({}, "stopped");
  }
}
