import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Newcomer } from "../support/packed.ts";

const COMMANDS = resolve(import.meta.dirname, "../../node_modules/.bin");
const newcomer = new Newcomer("library");
afterAll(() => newcomer[Symbol.dispose]());

function run(program: string, ...words: string[]): Promise<string[]> {
  return newcomer.runBeside("library", process.execPath, `${program}.js`, ...words);
}

test.each([
  ["Node", process.execPath],
  ["Deno", `${COMMANDS}/deno`, "run", "--allow-all"],
  ["Bun", `${COMMANDS}/bun`],
])("a whole target and its client in %s", async (_, program = "", ...words) => {
  const lines = await newcomer.runBeside("library", program, ...words, "target-and-client.js");
  expect(lines).toEqual(["SCSI status 0, read back: written"]);
});

test("a whole target and its client take fifteen lines", () => {
  const lines = newcomer.text("library", "target-and-client.js").split("\n");
  expect(lines.filter((line) => line !== "").length).toBeLessThanOrEqual(15);
});

test("a backend from outside the package", async () => {
  const bytes = Buffer.alloc(4096);
  bytes.write("bytes from afar.", 512);
  const server = createServer((request, response) => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    const part = range ? bytes.subarray(Number(range[1]), Number(range[2]) + 1) : bytes;
    response.writeHead(range ? 206 : 200, { "content-length": part.length });
    response.end(request.method === "HEAD" ? undefined : part);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    const { port } = server.address() as AddressInfo;
    expect(await run("own-backend", `http://127.0.0.1:${port}/disk.img`)).toEqual([
      "block 1, SCSI status 0: bytes from afar.",
      "a write, SCSI status 2: sense key 7, as the disk is read-only",
    ]);
  } finally {
    server.close();
  }
});

test("a SCSI command from outside the package", async () => {
  expect(await run("own-command")).toEqual([
    "READ ACTIVITY: 3 reads, 0 writes",
    "with a reserved bit set: SCSI status 2, sense key 5",
    "reported as supported: true",
  ]);
});
