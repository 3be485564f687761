// A whole way in one process: a client partition, the hypervisor, a server adapter and one disk, and a client that does as
// little as a client may: buffers and DMA mappings made once, an IU written, sent, its answer looked at, the next.
import { CRQ_COMMAND, CRQ_ENTRY_SIZE, CRQ_FORMAT_SRP, CRQ_INIT, CRQ_INITIALIZATION } from "../../dist/abi/crq.js";
import { OS_TYPE_AIX } from "../../dist/abi/mad.js";
import { H_SUCCESS } from "../../dist/abi/papr.js";
import { READ_10, STATUS_GOOD, TEST_UNIT_READY, WRITE_10 } from "../../dist/abi/scsi.js";
import * as srp from "../../dist/abi/srp.js";
import { systemClock } from "../../dist/core/clock.js";
import { loadCore } from "../../dist/core/core.js";
import { silentLog } from "../../dist/core/log.js";
import { SharedMemory } from "../../dist/core/shared-memory.js";
import { DmaSpace, firstIoba } from "../../dist/initiator/dma.js";
import { PartitionLink } from "../../dist/papr/crq-link.js";
import { Hypervisor } from "../../dist/papr/hypervisor.js";
import { Disk } from "../../dist/scsi/disk/disk.js";
import { lunKey } from "../../dist/scsi/lun.js";
import { Medium } from "../../dist/scsi/medium.js";
import { ScsiTargetDevice } from "../../dist/scsi/target-device.js";
import { ServerAdapter } from "../../dist/target/server-adapter.js";

export const BLOCK = 512;
const REQUEST_LIMIT = 128;
/** A page of a queue. */
const PAGE_ENTRIES = 256;
const IU_LENGTH = srp.SRP_CMD_LENGTH + srp.SRP_DIRECT_LENGTH;
const ADDRESS = 0x30000002;

/**
 * A server adapter with one disk at target 1, LUN 0.
 *
 * @param {"wasm" | "js"} kind
 * @param {(memory: SharedMemory) => import("../../dist/scsi/block-store.js").BlockStore} open
 * @param {number} requestLimit commands that the client may have under way
 */
export function serveDisk(kind, open, requestLimit = REQUEST_LIMIT) {
  const memory = new SharedMemory();
  const hypervisor = new Hypervisor({ memory, core: loadCore(memory, kind) });
  const client = hypervisor.addPartition({ name: "client", number: 2, memorySize: 64 << 20 });
  const server = hypervisor.addPartition({ name: "server", number: 1, memorySize: 1 << 20 });
  const clientAdapter = hypervisor.addAdapter(client, "client", { unitAddress: ADDRESS });
  const serverAdapter = hypervisor.addAdapter(server, "server", { unitAddress: ADDRESS + 1 });
  hypervisor.connect(serverAdapter, clientAdapter);
  const slots = requestLimit + 16;
  const queueEntries = Math.ceil((slots + 1) / PAGE_ENTRIES) * PAGE_ENTRIES;
  const link = new PartitionLink({ hypervisor, adapter: serverAdapter, ringEntries: queueEntries, slots });
  const device = new ScsiTargetDevice(silentLog);
  const store = open(memory);
  const identity = { vendor: "IBM", product: "VDASD blkdev", revision: "0001", serial: "BENCH-1" };
  device.addLogicalUnit(
    lunKey({ bus: 0, target: 1, lun: 0 }),
    new Disk({ medium: new Medium(store, BLOCK, false), removable: false, identity, log: silentLog }),
  );
  const adapter = new ServerAdapter({
    link,
    device,
    clock: systemClock,
    log: silentLog,
    requestLimit,
    adapterName: "30000003",
    relativeTargetPort: 1,
    identity: { partitionName: "server", partitionNumber: 1, osType: OS_TYPE_AIX, maxTransfer: 0x100000 },
  });
  adapter.start();
  return { memory, hypervisor, clientAdapter, adapter, store, queueEntries };
}

/** Keeps `depth` commands of one size in flight. */
export class LoadClient {
  #memory;
  #hypervisor;
  #adapter;
  #ring;
  #batch;
  #slots;
  #queueEntries;
  #cursor = 0;
  #blocks = 0;
  #opcode = READ_10;
  #lbas = [0];
  #next = 0;
  #toSend = 0;
  #outstanding = 0;
  #settled = () => {};

  /**
   * @param {ReturnType<typeof serveDisk>} served
   * @param {{ depth: number, bytes: number }} load bytes of one transfer
   */
  constructor({ memory, hypervisor, clientAdapter, queueEntries }, { depth, bytes }) {
    this.#queueEntries = queueEntries;
    this.#memory = memory;
    this.#hypervisor = hypervisor;
    this.#adapter = clientAdapter;
    this.#blocks = bytes / BLOCK;
    const dma = new DmaSpace(hypervisor, clientAdapter);
    this.#ring = dma.allocate(queueEntries * CRQ_ENTRY_SIZE);
    this.#batch = memory.allocate(queueEntries * CRQ_ENTRY_SIZE);
    const ius = dma.allocate(depth * srp.SRP_IU_MAX);
    this.#slots = Array.from({ length: depth }, (_, index) => ({
      iu: ius.address + index * srp.SRP_IU_MAX,
      ioba: firstIoba(ius) + index * srp.SRP_IU_MAX,
      data: dma.allocate(bytes),
    }));
    clientAdapter.onInterrupt = () => this.#interrupt();
  }

  /** Linear addresses of the data buffers. */
  get buffers() {
    return this.#slots.map(({ data }) => data.address);
  }

  /** The handshake, and the unit attention that a new nexus finds. */
  async connect() {
    const { partition, unitAddress } = this.#adapter;
    const bytes = this.#queueEntries * CRQ_ENTRY_SIZE;
    this.#hypervisor.crq.register(partition, unitAddress, firstIoba(this.#ring), bytes);
    this.#hypervisor.crq.signal(partition, unitAddress, 1);
    this.#hypervisor.crq.send(partition, unitAddress, ((CRQ_INITIALIZATION << 24) | (CRQ_INIT << 16)) >>> 0, 0, 0, 0);
    await new Promise(setImmediate);
    this.#opcode = TEST_UNIT_READY;
    for (let tries = 0; tries < 4; tries++) {
      try {
        await this.run(TEST_UNIT_READY, [0], 1);
        return;
      } catch {}
    }
    throw new Error("the unit does not become ready");
  }

  /**
   * Sends `count` commands, as many at a time as the depth allows, at the addresses of `lbas` in turn.
   *
   * @param {number} opcode READ_10 or WRITE_10
   * @param {readonly number[]} lbas
   * @param {number} count
   * @returns {Promise<void>} when all are answered; rejects on a status other than GOOD
   */
  run(opcode, lbas, count) {
    this.#opcode = opcode;
    this.#lbas = lbas;
    this.#toSend = count;
    return new Promise((resolve, reject) => {
      this.#settled = (error) => (error ? reject(error) : resolve());
      for (const slot of this.#slots.keys()) this.#send(slot);
    });
  }

  #send(index) {
    if (this.#toSend === 0) return;
    this.#toSend--;
    this.#outstanding++;
    const { iu, ioba, data } = this.#slots[index];
    const { view, u8 } = this.#memory;
    const lba = this.#lbas[this.#next];
    if (++this.#next >= this.#lbas.length) this.#next = 0;
    u8.fill(0, iu, iu + IU_LENGTH);
    view.setUint8(iu, srp.SRP_CMD);
    view.setUint32(iu + srp.SRP_TAG + 4, index);
    view.setUint8(iu + srp.SRP_LUN, 0x81);
    view.setUint8(iu + srp.SRP_CMD_CDB, this.#opcode);
    let length = srp.SRP_CMD_LENGTH;
    if (this.#opcode !== TEST_UNIT_READY) {
      const formats = this.#opcode === WRITE_10 ? srp.SRP_DESCRIPTOR_DIRECT << 4 : srp.SRP_DESCRIPTOR_DIRECT;
      view.setUint8(iu + srp.SRP_CMD_FORMATS, formats);
      view.setUint32(iu + srp.SRP_CMD_CDB + 2, lba);
      view.setUint16(iu + srp.SRP_CMD_CDB + 7, this.#blocks);
      view.setUint32(iu + srp.SRP_CMD_LENGTH + srp.SRP_DIRECT_ADDRESS + 4, data.segments[0].ioba);
      view.setUint32(iu + srp.SRP_CMD_LENGTH + srp.SRP_DIRECT_BYTES, data.length);
      length = IU_LENGTH;
    }
    const word0 = ((CRQ_COMMAND << 24) | (CRQ_FORMAT_SRP << 16)) >>> 0;
    const { partition, unitAddress } = this.#adapter;
    const code = this.#hypervisor.crq.send(partition, unitAddress, word0, length, 0, ioba);
    if (code !== H_SUCCESS) throw new Error(`H_SEND_CRQ gave ${code}`);
  }

  #interrupt() {
    const { partition, unitAddress } = this.#adapter;
    const { crq } = this.#hypervisor;
    crq.signal(partition, unitAddress, 0);
    while (this.#drain());
    crq.signal(partition, unitAddress, 1);
    this.#drain();
  }

  /** @returns whether anything came */
  #drain() {
    const { view } = this.#memory;
    const { core } = this.#hypervisor;
    const entries = this.#queueEntries;
    const taken = core.crq_scan(this.#ring.address, entries, this.#cursor, this.#batch, entries);
    this.#cursor = (this.#cursor + taken) % entries;
    for (let at = 0; at < taken; at++) {
      const entry = this.#batch + at * CRQ_ENTRY_SIZE;
      if (view.getUint8(entry) === CRQ_COMMAND) this.#answered(view.getUint32(entry + 12));
    }
    return taken > 0;
  }

  #answered(index) {
    const { iu } = this.#slots[index];
    this.#outstanding--;
    const status = this.#memory.view.getUint8(iu + srp.SRP_RSP_STATUS);
    if (status !== STATUS_GOOD) return this.#settled(new Error(`a command ended with status ${status}`));
    this.#send(index);
    if (this.#outstanding === 0) this.#settled();
  }
}
