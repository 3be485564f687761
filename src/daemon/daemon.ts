import { OS_TYPE_AIX, OS_TYPE_LINUX, OS_TYPE_OPEN_FIRMWARE, OS_TYPE_OS400 } from "../abi/mad.ts";
import { type Config, type IscsiConfig, RELATIVE_TARGET_PORT_MAXIMUM } from "../config/schema.ts";
import { describeMethods } from "../control/describe.ts";
import type { Methods } from "../control/method.ts";
import type { AdapterStatus, DaemonStatus } from "../control/results.ts";
import { ControlServer } from "../control/server.ts";
import { systemClock } from "../core/clock.ts";
import { loadCore } from "../core/core.ts";
import type { CoreExports } from "../core/exports.ts";
import type { Log } from "../core/log.ts";
import { SharedMemory } from "../core/shared-memory.ts";
import type { ConfigurationFile } from "../host/configuration-file.ts";
import { packageVersion } from "../host/package-version.ts";
import { StateDirectory } from "../host/state-directory.ts";
import type { MetricsServer } from "../observe/metrics-server.ts";
import { lunAddress } from "../scsi/lun.ts";
import { Adapters, type LiveAdapter } from "./adapters.ts";
import { Guests } from "./guests.ts";
import { IscsiExports } from "./iscsi.ts";
import { LocalPartitions } from "./local-partitions.ts";
import { openLogicalUnit, type UnitContext } from "./logical-units.ts";
import { plainMethod } from "./method.ts";
import { type MeasuredDaemon, measuredUnits, serveMetrics } from "./metrics.ts";
import { Places } from "./places.ts";
import { PortGroups } from "./port-groups.ts";
import { withPorts } from "./running/edits.ts";
import { LiveConfiguration } from "./running/live-configuration.ts";
import { RunningConfiguration } from "./running/running-configuration.ts";
import { SharedUnits } from "./shared-units.ts";
import { UnitOperations } from "./unit-operations.ts";

/** How often units that could not be opened are tried again, in milliseconds. */
const RETRY_INTERVAL = 10_000;
const OS_NAMES: Readonly<Record<number, string>> = {
  [OS_TYPE_OS400]: "IBM i",
  [OS_TYPE_LINUX]: "Linux",
  [OS_TYPE_AIX]: "AIX",
  [OS_TYPE_OPEN_FIRMWARE]: "open firmware",
};

export interface DaemonOptions {
  /** Where the running configuration outlives the daemon. */
  readonly file?: ConfigurationFile | undefined;
  /** Units that can't be opened do not keep the daemon from coming up: they are told, and tried again. */
  readonly lenient?: boolean;
}

/** Everything in one process: core, adapters, logical units, the sockets to guests and to whoever controls us. */
export class Daemon {
  readonly #config: Config;
  readonly #log: Log;
  readonly #memory = new SharedMemory();
  readonly #core: CoreExports;
  readonly #started = systemClock.now();
  readonly #units = new SharedUnits((config, { place, state }) => openLogicalUnit(config, place, this.#context(state)));
  readonly #places = new Places();
  readonly #portGroups: PortGroups;
  readonly #guests: Guests;
  readonly #adapters: Adapters;
  readonly #live: LiveConfiguration;
  readonly #options: DaemonOptions;
  #state: StateDirectory | undefined;
  #iscsi: IscsiExports | undefined;
  #cancelRetry = () => {};
  /** What it serves, and how that is changed. */
  readonly running: RunningConfiguration;
  /** The software hypervisor, for adapters whose client is in this process. */
  readonly partitions: LocalPartitions;
  #control: ControlServer | undefined;
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
    const { stateDirectory, control, iscsi, adapters, metrics } = this.#config;
    if (stateDirectory !== undefined) this.#state = new StateDirectory(stateDirectory);
    for (const [index, { relativeTargetPort = 0 }] of adapters.entries())
      this.#portGroups.join("adapters", index, relativeTargetPort);
    if (iscsi !== undefined) this.#makeTargets(iscsi);
    await this.running.start(this.#config, { lenient: this.#options.lenient ?? false });
    await this.#iscsi?.listen();
    if (metrics !== undefined) this.#metrics = await serveMetrics(metrics, this, this.#log);
    if (control !== undefined) this.#control = await ControlServer.listen(control, this.#methods(), this.#log);
    this.#retryLater();
  }

  #retryLater(): void {
    this.#cancelRetry = systemClock.after(RETRY_INTERVAL, () => {
      void this.running.exclusively(() => this.#live.retry()).then(() => this.#retryLater());
    });
  }

  #methods(): Methods {
    const operations = new UnitOperations({
      places: this.#places,
      units: this.#units,
      running: this.running,
      log: this.#log,
    });
    const methods: Methods = {
      methods: plainMethod("Lists the methods, with the JSON Schema of their parameters.", () =>
        describeMethods(methods),
      ),
      status: plainMethod("Tells what the daemon serves, and to whom.", () => this.status()),
      ...operations.methods,
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

  /** What a unit is opened with; `name` is that of its file in the state directory. */
  #context(name: string): UnitContext {
    return {
      memory: this.#memory,
      log: this.#log,
      storage: this.#state?.file(name),
      copyTargets: () => this.#units.all,
      portGroups: this.#portGroups.groups,
    };
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
          osName: OS_NAMES[client.osType] ?? `OS type ${client.osType}`,
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
    await Promise.all([this.#iscsi?.close(), this.#adapters.stop()]);
    await this.#guests.close();
    await this.#control?.close();
    await this.#metrics?.close();
    await this.#units.close();
    this.#log.info({}, "stopped");
  }
}
