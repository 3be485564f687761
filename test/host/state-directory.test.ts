import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { StateDirectory } from "../../src/host/state-directory.ts";

const folder = mkdtempSync(join(tmpdir(), "vscsi-state-"));
afterAll(() => rmSync(folder, { recursive: true }));
let folders = 0;

function fresh(): string {
  return join(folder, `${folders++}`, "deeper");
}

test("a file is what was saved last, and nothing lies beside it", async () => {
  const path = fresh();
  const file = new StateDirectory(path).file("disk");
  expect(file.load()).toBeUndefined();
  await file.save("one");
  await Promise.all([file.save("two"), file.save(undefined), file.save("three")]);
  expect(new StateDirectory(path).file("disk").load()).toBe("three");
  expect(readdirSync(path)).toEqual(["disk.json"]);
  expect(statSync(join(path, "disk.json")).mode & 0o777).toBe(0o600);
  await file.save(undefined);
  expect(readdirSync(path)).toEqual([]);
});

test("a name stays in the folder, and has one user at a time", async () => {
  const path = fresh();
  const directory = new StateDirectory(path);
  const file = directory.file("../../outside");
  expect(file.description).toBe(join(path, "..%2F..%2Foutside.json"));
  expect(() => directory.file("../../outside")).toThrow(/two logical units/);
  void file.save("one");
  await file.close();
  expect(directory.file("../../outside").load()).toBe("one");
});

test("a save that fails says so, and does not stop the next", async () => {
  const path = fresh();
  const file = new StateDirectory(path).file("disk");
  rmSync(path, { recursive: true });
  await expect(file.save("one")).rejects.toThrow(/ENOENT/);
  new StateDirectory(path);
  await file.save("two");
  expect(file.load()).toBe("two");
});

test("what can't be made or read is told with its path", () => {
  const path = fresh();
  const directory = new StateDirectory(path);
  writeFileSync(join(path, "file"), "");
  expect(() => new StateDirectory(join(path, "file"))).toThrow(/file: can't be made/);
  rmSync(join(path, "file"));
  new StateDirectory(join(path, "folder.json"));
  expect(() => directory.file("folder").load()).toThrow(/folder\.json: can't be read/);
});
