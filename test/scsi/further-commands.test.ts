import { expect, test } from "vitest";
import { READ_10 } from "../../src/abi/scsi.ts";
import { MemoryStore } from "../../src/backends/memory.ts";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import type { Command } from "../../src/scsi/command.ts";
import type { Disk } from "../../src/scsi/disk/disk.ts";
import { good } from "../../src/scsi/sense.ts";
import { makeDisk } from "../support/disk.ts";

const VENDOR_SPECIFIC = 0xc1;
const SERVICE_ACTION_IN_16 = 0x9e;
const memory = new SharedMemory();

function row(opcode: number, serviceAction?: number): Command<Disk> {
  const execute: Command<Disk>["execute"] = (_, task) => good(task);
  const action = serviceAction === undefined ? {} : { serviceAction };
  return { opcode, ...action, name: "OWN", usage: [0xff, 0, 0, 0, 0, 0], reservation: "allowed", execute };
}

function disk(...furtherCommands: Command<Disk>[]): Disk {
  return makeDisk(new MemoryStore(memory, 1 << 20), { furtherCommands });
}

test("a disk has the commands that it was given beside its own; other disks have not", () => {
  const plain = makeDisk(new MemoryStore(memory, 1 << 20));
  const { commands } = disk(row(VENDOR_SPECIFIC), row(SERVICE_ACTION_IN_16, 0x1e));
  expect(commands.rows.length).toBe(plain.commands.rows.length + 2);
  expect(commands.withOpcode(VENDOR_SPECIFIC)).toHaveLength(1);
  expect(plain.commands.withOpcode(VENDOR_SPECIFIC)).toEqual([]);
});

test.each([
  ["a whole operation code", [row(READ_10)], /OWN: operation code 28h is that of READ\(10\)/],
  ["a service action", [row(SERVICE_ACTION_IN_16, 0x10)], /9eh is that of READ CAPACITY\(16\)/],
  ["all service actions of one", [row(SERVICE_ACTION_IN_16)], /9eh is that of/],
  ["one twice", [row(VENDOR_SPECIFIC), row(VENDOR_SPECIFIC)], /c1h is that of OWN/],
])("%s that is there already is refused", (_, rows, message) => {
  expect(() => disk(...rows)).toThrow(message);
});
