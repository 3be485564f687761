import { createDisk, createHypervisor, deviceLun, Initiator, LINUX, MemoryStore, Target } from "vscsi-target";

const hypervisor = createHypervisor();
const partition = hypervisor.addPartition({ name: "client", number: 2, memorySize: 16 << 20 });
const adapter = hypervisor.addAdapter(partition, "client", { unitAddress: 0x30000002 });
const target = new Target({ hypervisor });
target.serve(adapter).addLogicalUnit({ target: 1 }, createDisk(new MemoryStore(hypervisor.memory, 64 << 20)));
const client = new Initiator({ hypervisor, adapter, profile: LINUX });
await client.connect();
const lun = deviceLun(1);
await client.command({ lun, cdb: [0x2a, 0, 0, 0, 0, 7, 0, 0, 1, 0], dataOut: Buffer.alloc(512, "written\n") });
const { status, data } = await client.command({ lun, cdb: [0x28, 0, 0, 0, 0, 7, 0, 0, 1, 0], dataInLength: 512 });
console.log(`SCSI status ${status}, read back: ${Buffer.from(data).toString("latin1", 0, 7)}`);
client.close();
await target.close();
