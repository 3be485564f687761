import { describe, expect, test, vi } from "vitest";
import { MAD_ERROR_LOG, MAD_NOT_SUPPORTED } from "../../src/abi/mad.ts";
import { ADAPTER_SLOTS, SLOT_ENTRY, SLOT_FREE, SLOT_SIZE, SLOT_STATE } from "../../src/abi/records.ts";
import {
  SRP_RSP_DIUNDER,
  SRP_RSP_SNSVALID,
  SRP_TSK_ABORT_TASK,
  SRP_TSK_CLEAR_ACA,
  SRP_TSK_COMPLETE,
  SRP_TSK_FIELDS_INVALID,
  SRP_TSK_LUN_RESET,
  SRP_TSK_NOT_SUPPORTED,
} from "../../src/abi/srp.ts";
import { deviceLun } from "../../src/initiator/lun.ts";
import { AIX, IBM_I, LINUX, LINUX_64K, SLOF } from "../../src/initiator/profiles.ts";
import { inquiry, reportLuns } from "../../src/initiator/scan.ts";
import { type BlockStore, STORE_PENDING, type StoreCompletion } from "../../src/scsi/block-store.ts";
import { DISK_SIZE, REQUEST_LIMIT, serve } from "./served.ts";

const CHECK_CONDITION = 2;
const LUN1 = deviceLun(1);

function read10(lba: number, blocks: number): number[] {
  return [0x28, 0, lba >>> 24, (lba >> 16) & 0xff, (lba >> 8) & 0xff, lba & 0xff, 0, blocks >> 8, blocks & 0xff, 0];
}

function write10(lba: number, blocks: number): number[] {
  return [0x2a, ...read10(lba, blocks).slice(1)];
}

function senseOf(sense: Uint8Array): string {
  return [sense[2], sense[12], sense[13]].map((byte) => (byte ?? 0).toString(16).padStart(2, "0")).join("/");
}

describe.each(["wasm", "js"] as const)("core %s", (core) => {
  describe.each([LINUX, LINUX_64K, AIX, IBM_I, SLOF])("a $name client", (profile) => {
    test("finds the disks, writes and reads them", async () => {
      const { initiator, adapter } = serve(profile, core);
      await initiator.connect();
      const luns = await reportLuns(initiator);
      expect(luns).toEqual(expect.arrayContaining([deviceLun(1), deviceLun(2), deviceLun(3)]));
      const { data } = await inquiry(initiator, LUN1);
      expect(Buffer.from(data).toString("latin1", 8, 36)).toBe("IBM     VDASD blkdev    0001");
      // 9 blocks at a time: IBM i keeps 4096 bytes in 9 sectors, so nothing is aligned to 4 KiB.
      for (const blocks of [1, 9, 64, 72]) {
        const bytes = Buffer.alloc(blocks * 512, blocks);
        const written = await initiator.command({ lun: LUN1, cdb: write10(blocks * 9, blocks), dataOut: bytes });
        expect(written.status).toBe(0);
        const back = await initiator.command({
          lun: LUN1,
          cdb: read10(blocks * 9, blocks),
          dataInLength: bytes.length,
        });
        expect(back.status).toBe(0);
        expect(back.dataInResidual).toBe(0);
        expect(bytes.equals(back.data)).toBe(true);
      }
      expect(adapter.counters.outstanding).toBe(0);
      initiator.close();
    });
  });

  test("an absent LUN answers INQUIRY with 7Fh and everything else with 05/25/00", async () => {
    const { initiator } = serve(LINUX, core);
    await initiator.connect();
    const answer = await inquiry(initiator, deviceLun(9));
    expect([answer.status, answer.data[0]]).toEqual([0, 0x7f]);
    const other = await initiator.command({ lun: deviceLun(9), cdb: [0, 0, 0, 0, 0, 0] });
    expect([other.status, senseOf(other.sense)]).toEqual([CHECK_CONDITION, "05/25/00"]);
  });

  test("a read beyond the end is refused with sense data and a residual of all of it", async () => {
    const { initiator } = serve(LINUX, core);
    await initiator.connect();
    const answer = await initiator.command({ lun: LUN1, cdb: read10(DISK_SIZE / 512, 8), dataInLength: 4096 });
    expect([answer.status, senseOf(answer.sense)]).toEqual([CHECK_CONDITION, "05/21/00"]);
    expect(answer.flags).toBe(SRP_RSP_SNSVALID | SRP_RSP_DIUNDER);
    expect(answer.dataInResidual).toBe(4096);
  });

  test("a read-only unit refuses a write and says so in MODE SENSE", async () => {
    const { initiator } = serve(LINUX, core);
    await initiator.connect();
    const answer = await initiator.command({ lun: deviceLun(2), cdb: write10(0, 1), dataOut: new Uint8Array(512) });
    expect(senseOf(answer.sense)).toBe("07/27/00");
    const mode = await initiator.command({ lun: deviceLun(2), cdb: [0x1a, 0, 0x3f, 0, 255, 0], dataInLength: 255 });
    expect((mode.data[2] ?? 0) & 0x80).toBe(0x80);
  });

  test("task management answers with the codes of SRP", async () => {
    const { initiator } = serve(LINUX, core);
    await initiator.connect();
    const manage = (request: number, lun = LUN1) =>
      initiator.taskManagement({ function: request, lun, taskTag: 0x1234n });
    expect(await manage(SRP_TSK_ABORT_TASK)).toBe(SRP_TSK_COMPLETE);
    expect(await manage(SRP_TSK_CLEAR_ACA)).toBe(SRP_TSK_COMPLETE);
    expect(await manage(0x77)).toBe(SRP_TSK_NOT_SUPPORTED);
    expect(await manage(SRP_TSK_ABORT_TASK, deviceLun(9))).toBe(SRP_TSK_FIELDS_INVALID);
    expect(await manage(SRP_TSK_LUN_RESET)).toBe(SRP_TSK_COMPLETE);
    const next = await initiator.command({ lun: LUN1, cdb: [0, 0, 0, 0, 0, 0] });
    expect(senseOf(next.sense)).toBe("06/29/00");
    expect((await initiator.command({ lun: LUN1, cdb: [0, 0, 0, 0, 0, 0] })).status).toBe(0);
  });

  test("an abort is answered when the command has left, and its late end reaches nobody", async () => {
    const store = new HeldStore();
    const { initiator, adapter } = serve(LINUX, core, () => store);
    await initiator.connect();
    const lun = deviceLun(3);
    const read = initiator.submit({ lun, cdb: read10(0, 1), dataInLength: 512 });
    read.result.catch(() => {});
    await vi.waitFor(() => expect(store.held).toHaveLength(1));
    let answered = false;
    const abort = initiator.abort(read).then(() => {
      answered = true;
    });
    await new Promise((done) => setTimeout(done, 20));
    expect(answered).toBe(false);
    store.held.shift()?.storeDone(0);
    await abort;
    expect(adapter.counters.outstanding).toBe(0);
    expect((await initiator.command({ lun: LUN1, cdb: [0, 0, 0, 0, 0, 0] })).status).toBe(0);
  });

  test("a ping is answered, an unknown MAD is not supported", async () => {
    const { initiator } = serve(AIX, core);
    await initiator.connect();
    await initiator.ping();
    const answer = await initiator.mad({ type: MAD_ERROR_LOG });
    expect(answer.status).toBe(MAD_NOT_SUPPORTED);
  });

  test("a second INIT on an open connection is a violation: logged, disconnected, and login works again", async () => {
    const { initiator, warnings, adapter } = serve(LINUX, core);
    await initiator.connect();
    initiator.sendRaw(Uint8Array.from([0xc0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    await vi.waitFor(() =>
      expect(warnings.map(({ fields }) => fields)).toContainEqual(
        expect.objectContaining({ violation: "init-while-open" }),
      ),
    );
    await vi.waitFor(() => expect(adapter.state).toBe("logged-in"), { timeout: 5000 });
    expect((await initiator.command({ lun: LUN1, cdb: [0, 0, 0, 0, 0, 0] })).status).toBe(0);
  });

  test("a client that overruns its credit is disconnected, with the reason in the log", async () => {
    const store = new HeldStore();
    const { initiator, warnings, adapter, link, memory } = serve(LINUX, core, () => store);
    await initiator.connect();
    const read = initiator.submit({ lun: deviceLun(3), cdb: read10(0, 1), dataInLength: 512 });
    read.result.catch(() => {});
    await vi.waitFor(() => expect(store.held).toHaveLength(1));
    // The same valid IU over and over, by raw entries: the initiator itself keeps to its credit.
    const slots = memory.view.getUint32(link.adapter + ADAPTER_SLOTS, true);
    const busy = Array.from({ length: link.slotCount }, (_, index) => slots + index * SLOT_SIZE).find(
      (slot) => memory.view.getUint32(slot + SLOT_STATE, true) !== SLOT_FREE,
    );
    const entry = memory.u8.slice((busy ?? 0) + SLOT_ENTRY, (busy ?? 0) + SLOT_ENTRY + 16);
    for (let index = 0; index < REQUEST_LIMIT + 16; index++) initiator.sendRaw(entry);
    await vi.waitFor(() =>
      expect(warnings.map(({ fields }) => fields)).toContainEqual(
        expect.objectContaining({ violation: "credit-overrun" }),
      ),
    );
    for (const completion of store.held.splice(0)) completion.storeDone(0);
    await vi.waitFor(() => expect(adapter.counters.outstanding).toBe(0));
    await vi.waitFor(() => expect(adapter.state).toBe("logged-in"), { timeout: 5000 });
  });
});

/** A store whose operations end when the test says so. */
class HeldStore implements BlockStore {
  readonly kind = "held";
  readonly size = DISK_SIZE;
  readonly readOnly = false;
  readonly physicalBlockSize = 512;
  readonly description = "held by the test";
  readonly held: StoreCompletion[] = [];

  read(_offset: number, _address: number, _length: number, completion: StoreCompletion): number {
    this.held.push(completion);
    return STORE_PENDING;
  }

  write(_offset: number, _address: number, _length: number, _durable: boolean, completion: StoreCompletion): number {
    this.held.push(completion);
    return STORE_PENDING;
  }

  flush(completion: StoreCompletion): number {
    this.held.push(completion);
    return STORE_PENDING;
  }

  async close(): Promise<void> {}
}
