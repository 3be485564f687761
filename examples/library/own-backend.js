// Serves a file of an HTTP server as a read-only disk: node own-backend.js URL
import { createDisk, createHypervisor, deviceLun, Initiator, LINUX, Target } from "vscsi-target";
import { HttpStore } from "./http-store.js";

const [url] = process.argv.slice(2);
const hypervisor = createHypervisor();
const partition = hypervisor.addPartition({ name: "client", number: 2, memorySize: 16 << 20 });
const adapter = hypervisor.addAdapter(partition, "client", { unitAddress: 0x30000002 });
const target = new Target({ hypervisor });
const store = await HttpStore.open(hypervisor.memory, new URL(url));
target.serve(adapter).addLogicalUnit({ target: 1 }, createDisk(store));

const client = new Initiator({ hypervisor, adapter, profile: LINUX });
await client.connect();
const lun = deviceLun(1);
const read = await client.command({ lun, cdb: [0x28, 0, 0, 0, 0, 1, 0, 0, 1, 0], dataInLength: 512 });
console.log(`block 1, SCSI status ${read.status}: ${Buffer.from(read.data).toString("latin1", 0, 16)}`);
const write = await client.command({ lun, cdb: [0x2a, 0, 0, 0, 0, 1, 0, 0, 1, 0], dataOut: new Uint8Array(512) });
console.log(`a write, SCSI status ${write.status}: sense key ${write.sense[2] & 0xf}, as the disk is read-only`);
client.close();
await target.close();
