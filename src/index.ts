/**
 * A Virtual SCSI target and its clients in one process: a software hypervisor with partitions, a server, an initiator.
 * `docs/embedding.md` is the guide; `vscsi-target/core` is the core alone.
 * @module vscsi-target
 */
export { FileStore } from "./backends/file.ts";
export { MemoryStore } from "./backends/memory.ts";
export { NullStore } from "./backends/null.ts";
export type { Clock } from "./core/clock.ts";
export type { Log } from "./core/log.ts";
export { SharedMemory } from "./core/shared-memory.ts";
export { type CreateDiskOptions, type CreateHypervisorOptions, createDisk, createHypervisor } from "./embed/create.ts";
export { ServedClient, Target, type TargetOptions, type UnitPlace } from "./embed/target.ts";
export type { CommandRequest, CommandResult, SubmittedCommand } from "./initiator/command-queue.ts";
export { RequestFailed } from "./initiator/errors.ts";
export { Initiator, type InitiatorOptions } from "./initiator/initiator.ts";
export { ADAPTER_LUN, deviceLun } from "./initiator/lun.ts";
export type { AdapterInfo, MadAnswer, MadRequest } from "./initiator/management.ts";
export { AIX, type ClientProfile, IBM_I, LINUX, LINUX_64K, SLOF } from "./initiator/profiles.ts";
export { inquiry, reportLuns } from "./initiator/scan.ts";
export { type AdapterOptions, Hypervisor, type HypervisorOptions } from "./papr/hypervisor.ts";
export { Partition, type PartitionOptions } from "./papr/partition.ts";
export { VirtualAdapter } from "./papr/virtual-adapter.ts";
export {
  type BlockStore,
  type Provisioning,
  STORE_DONE,
  STORE_PENDING,
  type StoreCompletion,
  type StoreExtent,
} from "./scsi/block-store.ts";
export type { Command } from "./scsi/command.ts";
export { Disk, type DiskOptions } from "./scsi/disk/disk.ts";
export type { Identity } from "./scsi/identity.ts";
export type { LogicalUnit } from "./scsi/logical-unit.ts";
export { Medium } from "./scsi/medium.ts";
export * as sense from "./scsi/sense.ts";
export { answerWith, checkCondition, good } from "./scsi/sense.ts";
export type { ScsiTask } from "./scsi/task.ts";
export { cdb8, cdb16, cdb32 } from "./scsi/task-access.ts";
export { ServerAdapter } from "./target/server-adapter.ts";
