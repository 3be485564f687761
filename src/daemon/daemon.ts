import { OS_TYPE_AIX, OS_TYPE_LINUX, OS_TYPE_OPEN_FIRMWARE, OS_TYPE_OS400 } from "../abi/mad.ts";
import type { AdapterConfig, Config, IscsiConfig } from "../config/schema.ts";
import { describeMethods } from "../control/describe.ts";
import type { Methods } from "../control/method.ts";
import type { AdapterStatus, DaemonStatus } from "../control/results.ts";
import { ControlServer } from "../control/server.ts";
import { systemClock } from "../core/clock.ts";
import { loadCore } from "../core/core.ts";
import type { CrqLink } from "../core/crq-link.ts";
import type { CoreExports } from "../core/exports.ts";
import type { Log } from "../core/log.ts";
import { SharedMemory } from "../core/shared-memory.ts";
import { packageVersion } from "../host/package-version.ts";
import { StateDirectory } from "../host/state-directory.ts";
import { QemuLink } from "../ports/qemu/qemu-link.ts";
import { QemuPort } from "../ports/qemu/qemu-port.ts";
import { lunAddress, lunKey } from "../scsi/lun.ts";
import { ScsiTargetDevice } from "../scsi/target-device.ts";
import { ServerAdapter } from "../target/server-adapter.ts";
import { IscsiExports } from "./iscsi.ts";
import { LocalPartitions } from "./local-partitions.ts";
import { openLogicalUnit, type UnitContext } from "./logical-units.ts";
import { plainMethod } from "./method.ts";
import { adapterNames, Places, targetNames } from "./places.ts";
import { PortGroups } from "./port-groups.ts";
import { SharedUnits } from "./shared-units.ts";
import { UnitOperations } from "./unit-operations.ts";

/** Slots above the request limit: for MADs, pings, and a client that overruns its credit and is to be told so. */
const SPARE_SLOTS = 16;
const OS_NAMES: Readonly<Record<number, string>> = {
  [OS_TYPE_OS400]: "IBM i",
  [OS_TYPE_LINUX]: "Linux",
  [OS_TYPE_AIX]: "AIX",
  [OS_TYPE_OPEN_FIRMWARE]: "open firmware",
};

interface Served {
  readonly config: AdapterConfig;
  readonly device: ScsiTargetDevice;
  readonly adapter: ServerAdapter;
}

/** Everything in one process: core, adapters, logical units, the sockets to guests and to whoever controls us. */
export class Daemon {
  readonly #config: Config;
  readonly #log: Log;
  readonly #memory = new SharedMemory();
  readonly #core: CoreExports;
  readonly #started = systemClock.now();
  readonly #served: Served[] = [];
  readonly #ports: QemuPort[] = [];
  readonly #units = new SharedUnits((config, { place, state }) => openLogicalUnit(config, place, this.#context(state)));
  readonly #places = new Places();
  readonly #portGroups: PortGroups;
  #state: StateDirectory | undefined;
  #iscsi: IscsiExports | undefined;
  /** The software hypervisor, for adapters whose client is in this process. */
  readonly partitions: LocalPartitions;
  #control: ControlServer | undefined;

  private constructor(config: Config, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#core = loadCore(this.#memory, config.core);
    this.#portGroups = new PortGroups(config.portGroups);
    this.partitions = new LocalPartitions(this.#memory, this.#core, config.partition.name, config.partition.number);
  }

  /**
   * Opens every backend, then every socket: a daemon that comes up serves everything its configuration lists.
   * @throws StoreOpenError, SocketError, CoreModuleError
   */
  static async start(config: Config, log: Log): Promise<Daemon> {
    const daemon = new Daemon(config, log);
    try {
      await daemon.#start();
      return daemon;
    } catch (error) {
      await daemon.stop();
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { stateDirectory } = this.#config;
    if (stateDirectory !== undefined) this.#state = new StateDirectory(stateDirectory);
    for (const unit of this.#config.logicalUnits) this.#units.openNamed(unit);
    const links = new Map<string, QemuLink[]>(this.#config.guests.map(({ name }) => [name, []]));
    for (const config of this.#config.adapters) {
      const slots = config.requestLimit + SPARE_SLOTS;
      if (config.guest === undefined) this.#serve(config, this.partitions.addAdapter(config.unitAddress, slots));
      else {
        const link = new QemuLink(this.#memory, this.#core, config.unitAddress, slots);
        links.get(config.guest)?.push(link);
        this.#serve(config, link);
      }
    }
    for (const { name, socket } of this.#config.guests) {
      const port = new QemuPort(links.get(name) ?? [], this.#log);
      await port.listen(socket);
      this.#ports.push(port);
      this.#log.info({ guest: name, socket }, "waiting for the guest's bridge");
    }
    const { control, iscsi } = this.#config;
    if (iscsi !== undefined) await this.#serveIscsi(iscsi);
    if (control !== undefined) this.#control = await ControlServer.listen(control, this.#methods(), this.#log);
  }

  #methods(): Methods {
    const operations = new UnitOperations({
      places: this.#places,
      units: this.#units,
      memory: this.#memory,
      clock: systemClock,
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

  async #serveIscsi(config: IscsiConfig): Promise<void> {
    const exports = new IscsiExports({
      config,
      memory: this.#memory,
      clock: systemClock,
      log: this.#log,
      firstRelativeIdentifier: this.#served.length + 1,
      portAdded: (portal, relativeIdentifier) => this.#portGroups.join("portals", portal, relativeIdentifier),
      openUnit: (lun, target) => this.#units.take(lun, targetNames(target, lun.lun)),
    });
    for (const [name, device] of exports.devices) this.#places.addTarget(name, device);
    this.#iscsi = exports;
    await exports.listen();
  }

  #serve(config: AdapterConfig, link: CrqLink): void {
    const device = new ScsiTargetDevice(this.#log);
    for (const unit of config.logicalUnits) {
      const shown = this.#units.take(unit, adapterNames(config.guest, config.unitAddress, unit));
      device.addLogicalUnit(lunKey(unit), shown);
      this.#log.info({ unit: shown.description, size: shown.size, target: unit.target }, "logical unit");
    }
    const adapter = new ServerAdapter({
      link,
      device,
      clock: systemClock,
      log: this.#log,
      requestLimit: config.requestLimit,
      adapterName: config.unitAddress.toString(16),
      relativeTargetPort: this.#served.length + 1,
      identity: {
        partitionName: this.#config.partition.name,
        partitionNumber: this.#config.partition.number,
        // Linux asks for capabilities and fast fail only of a server that says AIX, as VIOS does. [protocol] 4.4.
        osType: OS_TYPE_AIX,
        maxTransfer: config.maxTransfer,
      },
    });
    this.#portGroups.join("adapters", this.#served.length, this.#served.length + 1);
    this.#served.push({ config, device, adapter });
    this.#places.addAdapter(config.guest, config.unitAddress, device);
    adapter.start();
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
      adapters: this.#served.map((served) => this.#adapterStatus(served)),
      ...(this.#iscsi && { iscsi: this.#iscsi.status() }),
    };
  }

  #adapterStatus({ config, device, adapter }: Served): AdapterStatus {
    const { client, state, counters } = adapter;
    const guest = this.#config.guests.find(({ name }) => name === config.guest);
    return {
      unitAddress: config.unitAddress,
      state,
      requestLimit: config.requestLimit,
      ...counters,
      ...(guest && { guest: guest.name, socket: guest.socket }),
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
    await Promise.all([this.#iscsi?.close(), ...this.#served.map(({ adapter }) => adapter.stop())]);
    await Promise.all(this.#ports.map((port) => port.close()));
    await this.#control?.close();
    await this.#units.close();
    this.#log.info({}, "stopped");
  }
}
