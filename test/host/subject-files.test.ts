import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StateDirectory } from "../../src/host/state-directory.ts";
import { deviceWithDisk } from "../support/disk.ts";
import { run, testMemory } from "../support/scsi-task.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vscsi-state-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a subject that was never saved is not there; what was saved last is, for a later process too", () => {
  const { subjects } = new StateDirectory(folder).file("disk/1");
  expect(subjects.load("mode-pages")).toBeUndefined();
  subjects.save("mode-pages", Uint8Array.of(1, 2));
  subjects.save("mode-pages", Uint8Array.of(3));
  subjects.save("other", new Uint8Array());
  expect(readdirSync(folder).sort()).toEqual(["disk%2F1.mode-pages", "disk%2F1.other"]);
  const later = new StateDirectory(folder).file("disk/1").subjects;
  expect([...(later.load("mode-pages") ?? [])]).toEqual([3]);
  expect(later.load("other")?.length).toBe(0);
});

test("a saving that was cut off leaves what was saved before", () => {
  const { subjects } = new StateDirectory(folder).file("disk");
  subjects.save("mode-pages", Uint8Array.of(7));
  writeFileSync(join(folder, "disk.mode-pages.new"), "half");
  expect([...(subjects.load("mode-pages") ?? [])]).toEqual([7]);
});

test("a folder that is gone is an error, not silence", () => {
  const { subjects } = new StateDirectory(folder).file("disk");
  rmSync(folder, { recursive: true });
  expect(() => subjects.save("mode-pages", Uint8Array.of(7))).toThrow(/ENOENT/);
});

test("a write cache that was switched off with SP stays off after a restart", () => {
  const memory = testMemory();
  const disk = () => deviceWithDisk(memory, { state: new StateDirectory(folder).file("disk").subjects });
  const caching = (device: ReturnType<typeof disk>) => run(device, memory, [0x1a, 8, 8, 0, 255, 0]).dataIn[6];
  const list = Uint8Array.from([0, 0, 0, 0, 0x08, 0x12, ...new Array<number>(18).fill(0)]);
  expect(run(disk(), memory, [0x15, 0x11, 0, 0, list.length, 0], { dataOut: list }).senseText).toBe("");
  expect(caching(disk())).toBe(0);
});
