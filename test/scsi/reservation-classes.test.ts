import { expect, test } from "vitest";
import { diskCommands } from "../../src/scsi/disk/commands.ts";

/** Columns Write Exclusive and Exclusive Access of [SPC-4] table 47 and [SBC-3] table 13, by what a name begins with. */
const TABLE: readonly (readonly [string, "allowed" | "conflict", "allowed" | "conflict"])[] = [
  ["COMPARE AND WRITE", "conflict", "conflict"],
  ["EXTENDED COPY", "conflict", "conflict"],
  ["FORMAT UNIT", "conflict", "conflict"],
  ["GET LBA STATUS", "allowed", "conflict"],
  ["INQUIRY", "allowed", "allowed"],
  ["LOG SELECT", "conflict", "conflict"],
  ["LOG SENSE", "allowed", "allowed"],
  ["MODE SELECT", "conflict", "conflict"],
  ["MODE SENSE", "allowed", "conflict"],
  ["ORWRITE", "conflict", "conflict"],
  ["PERSISTENT RESERVE IN", "allowed", "allowed"],
  ["PRE-FETCH", "allowed", "conflict"],
  ["READ(", "allowed", "conflict"],
  ["READ BUFFER", "allowed", "conflict"],
  ["READ CAPACITY", "allowed", "allowed"],
  ["READ DEFECT DATA", "allowed", "conflict"],
  ["REASSIGN BLOCKS", "conflict", "conflict"],
  ["RECEIVE DIAGNOSTIC RESULTS", "allowed", "conflict"],
  ["REPORT IDENTIFYING INFORMATION", "allowed", "allowed"],
  ["REPORT SUPPORTED OPERATION CODES", "allowed", "conflict"],
  ["REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", "allowed", "conflict"],
  ["REPORT TARGET PORT GROUPS", "allowed", "allowed"],
  ["REPORT TIMESTAMP", "allowed", "allowed"],
  ["REQUEST SENSE", "allowed", "allowed"],
  ["SANITIZE", "conflict", "conflict"],
  ["SEND DIAGNOSTIC", "conflict", "conflict"],
  ["SET IDENTIFYING INFORMATION", "conflict", "conflict"],
  ["SET TARGET PORT GROUPS", "conflict", "conflict"],
  ["SET TIMESTAMP", "conflict", "conflict"],
  ["SYNCHRONIZE CACHE", "conflict", "conflict"],
  ["TEST UNIT READY", "allowed", "allowed"],
  ["UNMAP", "conflict", "conflict"],
  ["VERIFY", "allowed", "conflict"],
  ["WRITE", "conflict", "conflict"],
];
const CLASSES = {
  allowed: ["allowed", "allowed"],
  inspect: ["allowed", "allowed"],
  read: ["allowed", "conflict"],
  write: ["conflict", "conflict"],
} as const;

test("each command of a disk conflicts as the standards' tables have it", () => {
  const listed = diskCommands({ thin: true, keepsState: true }).rows.flatMap(({ name, reservation }) => {
    const row = TABLE.find(([begin]) => name.startsWith(begin));
    return row && typeof reservation === "string" ? [{ name, reservation, expected: row.slice(1) }] : [];
  });
  expect(listed.length).toBeGreaterThan(30);
  for (const { name, reservation, expected } of listed) expect([name, CLASSES[reservation]]).toEqual([name, expected]);
});
