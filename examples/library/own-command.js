// Adds a SCSI command from outside the package: READ ACTIVITY, of a vendor-specific operation code. One row tells all of it:
// decoding, the check of reserved bits, reservations and REPORT SUPPORTED OPERATION CODES read that row.
import {
  answerWith,
  cdb16,
  createDisk,
  createHypervisor,
  deviceLun,
  Initiator,
  LINUX,
  MemoryStore,
  Target,
} from "vscsi-target";

const READ_ACTIVITY = 0xc1;

/** Data: commands that read and commands that wrote, each a big-endian 32-bit number. CDB bytes 7 and 8: allocation length. */
const readActivity = {
  opcode: READ_ACTIVITY,
  name: "READ ACTIVITY",
  usage: [0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff],
  reservation: "allowed",
  execute(unit, task) {
    const data = new DataView(new ArrayBuffer(8));
    data.setUint32(0, unit.statistics.readCommands);
    data.setUint32(4, unit.statistics.writeCommands);
    answerWith(task, new Uint8Array(data.buffer), cdb16(task, 7));
  },
};

const hypervisor = createHypervisor();
const partition = hypervisor.addPartition({ name: "client", number: 2, memorySize: 16 << 20 });
const adapter = hypervisor.addAdapter(partition, "client", { unitAddress: 0x30000002 });
const target = new Target({ hypervisor });
const disk = createDisk(new MemoryStore(hypervisor.memory, 1 << 20), { furtherCommands: [readActivity] });
target.serve(adapter).addLogicalUnit({ target: 1 }, disk);

const client = new Initiator({ hypervisor, adapter, profile: LINUX });
await client.connect();
const lun = deviceLun(1);
for (let count = 0; count < 3; count++)
  await client.command({ lun, cdb: [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], dataInLength: 512 });
const { data } = await client.command({ lun, cdb: [READ_ACTIVITY, 0, 0, 0, 0, 0, 0, 0, 8, 0], dataInLength: 8 });
console.log(`READ ACTIVITY: ${data[3]} reads, ${data[7]} writes`);
const reserved = await client.command({ lun, cdb: [READ_ACTIVITY, 1, 0, 0, 0, 0, 0, 0, 8, 0], dataInLength: 8 });
console.log(`with a reserved bit set: SCSI status ${reserved.status}, sense key ${reserved.sense[2] & 0xf}`);
// REPORT SUPPORTED OPERATION CODES, of this one.
const cdb = [0xa3, 0x0c, 0x01, READ_ACTIVITY, 0, 0, 0, 0, 0, 32, 0, 0];
const reported = await client.command({ lun, cdb, dataInLength: 32 });
console.log(`reported as supported: ${(reported.data[1] & 7) === 3}`);
client.close();
await target.close();
