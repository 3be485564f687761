import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach } from "vitest";
import { NbdStore } from "../../src/backends/nbd/nbd-store.ts";
import { parseNbdUri } from "../../src/backends/nbd/uri.ts";
import { silentLog } from "../../src/core/log.ts";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import { type Behaviour, HandNbdServer, simpleReply } from "./hand-nbd-server.ts";
import { StoreCalls } from "./store-calls.ts";

/** Bytes of what the hand-made servers serve, if the test does not say. */
export const SIZE = 1 << 20;

const memory = new SharedMemory();
const folder = mkdtempSync(join(tmpdir(), "vscsi-nbd-"));
const servers: HandNbdServer[] = [];
const stores: NbdStore[] = [];
let count = 0;

afterEach(async () => {
  for (const server of servers)
    server.behaviour = ({ cookie, length, command }, socket) =>
      void socket.write(simpleReply(cookie, 0, command === 0 ? Buffer.alloc(length) : undefined));
  for (const store of stores.splice(0)) await store.close().catch(() => {});
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

interface OpenOptions {
  structured?: boolean;
  timeout?: number;
  retryFor?: number;
  maximumPayload?: number;
  size?: number;
}

/** A store on a server of the test's own, which is gone after the test. */
export async function opened(
  behaviour: Behaviour,
  { structured = false, timeout = 300, retryFor = 10_000, maximumPayload = 0, size = SIZE }: OpenOptions = {},
) {
  const path = join(folder, `${++count}.sock`);
  const server = new HandNbdServer(size, structured, behaviour);
  server.maximumPayload = maximumPayload;
  servers.push(server);
  await server.listen(path);
  const address = parseNbdUri(`nbd+unix:///?socket=${path}`);
  const options = { address, connections: 1, timeout, retryFor, log: silentLog, readOnly: false, blockSize: 512 };
  const store = await NbdStore.open(memory, options);
  stores.push(store);
  return { server, store, calls: new StoreCalls(memory, store) };
}
