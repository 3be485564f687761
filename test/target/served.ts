import { OS_TYPE_AIX } from "../../src/abi/mad.ts";
import { MemoryStore } from "../../src/backends/memory.ts";
import { systemClock } from "../../src/core/clock.ts";
import { type CoreKind, loadCore } from "../../src/core/core.ts";
import type { Log } from "../../src/core/log.ts";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import { Initiator } from "../../src/initiator/initiator.ts";
import type { ClientProfile } from "../../src/initiator/profiles.ts";
import { PartitionLink } from "../../src/papr/crq-link.ts";
import { Hypervisor } from "../../src/papr/hypervisor.ts";
import type { BlockStore } from "../../src/scsi/block-store.ts";
import { Disk } from "../../src/scsi/disk/disk.ts";
import { lunKey } from "../../src/scsi/lun.ts";
import { Medium } from "../../src/scsi/medium.ts";
import { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import { ServerAdapter } from "../../src/target/server-adapter.ts";

export const DISK_SIZE = 8 * 2 ** 20;
export const REQUEST_LIMIT = 20;

/** A client partition with an initiator, and a server adapter with disks at targets 1, 2 (read-only), 3. */
export interface Served {
  memory: SharedMemory;
  hypervisor: Hypervisor;
  initiator: Initiator;
  adapter: ServerAdapter;
  device: ScsiTargetDevice;
  link: PartitionLink;
  /** What was logged as a warning. */
  warnings: { fields: object; message: string }[];
}

export function serve(profile: ClientProfile, core: CoreKind, store?: (memory: SharedMemory) => BlockStore): Served {
  const memory = new SharedMemory();
  const hypervisor = new Hypervisor({ memory, core: loadCore(memory, core) });
  const client = hypervisor.addPartition({ name: "client-lpar", number: 5, memorySize: 16 << 20 });
  const server = hypervisor.addPartition({ name: "vtarget", number: 1, memorySize: 1 << 20 });
  const clientAdapter = hypervisor.addAdapter(client, "client", { unitAddress: 0x30000002 });
  const serverAdapter = hypervisor.addAdapter(server, "server", { unitAddress: 0x30000003 });
  hypervisor.connect(serverAdapter, clientAdapter);
  const link = new PartitionLink({ hypervisor, adapter: serverAdapter, ringEntries: 256, slots: REQUEST_LIMIT + 16 });
  const warnings: Served["warnings"] = [];
  const log: Log = {
    debug() {},
    info() {},
    warn: (fields, message) => warnings.push({ fields, message }),
    error: (fields, message) => warnings.push({ fields, message }),
  };
  const device = new ScsiTargetDevice(log);
  for (const target of [1, 2, 3])
    device.addLogicalUnit(
      lunKey({ bus: 0, target, lun: 0 }),
      new Disk({
        medium: new Medium(
          store && target === 3 ? store(memory) : new MemoryStore(memory, DISK_SIZE * target),
          512,
          target === 2,
        ),
        removable: false,
        identity: { vendor: "IBM", product: "VDASD blkdev", revision: "0001", serial: `TEST-${target}` },
        log,
      }),
    );
  const adapter = new ServerAdapter({
    link,
    device,
    clock: systemClock,
    log,
    requestLimit: REQUEST_LIMIT,
    adapterName: "30000003",
    relativeTargetPort: 1,
    identity: { partitionName: "vtarget", partitionNumber: 1, osType: OS_TYPE_AIX, maxTransfer: 0x100000 },
  });
  adapter.start();
  return {
    memory,
    hypervisor,
    initiator: new Initiator({ hypervisor, adapter: clientAdapter, profile }),
    adapter,
    device,
    link,
    warnings,
  };
}
