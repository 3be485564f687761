import { expect, test } from "vitest";
import * as P from "../../src/abi/papr.ts";
import {
  CLIENT,
  CLIENT_LIOBN,
  CLIENT_WINDOW,
  createPair,
  map,
  type Pair,
  REMOTE_LIOBN,
  register,
  SERVER_LIOBN,
} from "./pair.ts";

const PAGE = P.TCE_PAGE_SIZE;

test("H_PUT_TCE and H_GET_TCE stay inside window and partition", () => {
  const { hypervisor, client, server } = createPair();
  const { tce } = hypervisor;
  expect(tce.put(client, SERVER_LIOBN, 0, 0, 0, 3)).toBe(P.H_PARAMETER);
  expect(tce.put(server, REMOTE_LIOBN, 0, 0, 0, 3)).toBe(P.H_PARAMETER);
  expect(tce.put(client, CLIENT_LIOBN, 0, CLIENT_WINDOW, 0, 3)).toBe(P.H_PARAMETER);
  expect(tce.put(client, CLIENT_LIOBN, 1, 0, 0, 3)).toBe(P.H_PARAMETER);
  expect(tce.put(client, CLIENT_LIOBN, 0, 0, 0, client.memorySize | 1)).toBe(P.H_PARAMETER);
  expect(tce.put(client, CLIENT_LIOBN, 0, 0, 1, 1)).toBe(P.H_PARAMETER);
  expect(tce.put(client, CLIENT_LIOBN, 0, 0, 1, 0)).toBe(P.H_SUCCESS);
  expect(tce.put(client, CLIENT_LIOBN, 0, CLIENT_WINDOW - 1, 0, (client.memorySize - PAGE) | 3)).toBe(P.H_SUCCESS);
  expect(tce.get(client, CLIENT_LIOBN, 0, CLIENT_WINDOW - PAGE).tce.low).toBe((client.memorySize - PAGE) | 3);
  expect(tce.get(client, CLIENT_LIOBN, 0, CLIENT_WINDOW).code).toBe(P.H_PARAMETER);
});

test("H_STUFF_TCE writes up to 512 entries that all exist", () => {
  const { hypervisor, client } = createPair();
  const { tce } = hypervisor;
  const entries = CLIENT_WINDOW / PAGE;
  expect(entries).toBe(512);
  expect(tce.stuff(client, 1, 0, 0, 0, 0, 513)).toBe(P.H_PARAMETER);
  expect(tce.stuff(client, CLIENT_LIOBN, 0, 0, 0, 0, 513)).toBe(P.H_P4);
  expect(tce.stuff(client, CLIENT_LIOBN, 0, PAGE, 0, 0, 512)).toBe(P.H_PARAMETER);
  expect(tce.stuff(client, CLIENT_LIOBN, 0, 0, 0, 0x2001, 512)).toBe(P.H_SUCCESS);
  expect(tce.get(client, CLIENT_LIOBN, 0, 511 * PAGE).tce.low).toBe(0x2001);
});

test("H_PUT_TCE_INDIRECT stores in order up to the first illegal entry", () => {
  const { hypervisor, client, memory } = createPair();
  const { tce } = hypervisor;
  const list = 0x5000;
  [0x1003, client.memorySize | 3, 0x2003].forEach((entry, index) => {
    memory.view.setBigUint64(client.memoryAddress + list + index * 8, BigInt(entry));
  });
  expect(tce.putIndirect(client, -1, 0, 0, list, 1)).toBe(P.H_FUNCTION);
  expect(tce.putIndirect(client, 1, 0, 0, list, 1)).toBe(P.H_PARAMETER);
  expect(tce.putIndirect(client, CLIENT_LIOBN, 0, 0, list + 8, 1)).toBe(P.H_PARAMETER);
  expect(tce.putIndirect(client, CLIENT_LIOBN, 0, 0, client.memorySize, 1)).toBe(P.H_PARAMETER);
  expect(tce.putIndirect(client, CLIENT_LIOBN, 0, 0, list, 513)).toBe(P.H_PARAMETER);
  expect(tce.putIndirect(client, CLIENT_LIOBN, 0, PAGE, list, 512)).toBe(P.H_PARAMETER);
  expect(tce.putIndirect(client, CLIENT_LIOBN, 0, 0, list, 3)).toBe(P.H_PARAMETER);
  const entry = (page: number) => tce.get(client, CLIENT_LIOBN, 0, page * PAGE).tce.low;
  expect([entry(0), entry(1), entry(2)]).toEqual([0x1003, 0, 0]);
});

/** Both queues registered; client page 4 readable, 5 writable, 6 both; server page 4 both. */
function ready(options: Parameters<typeof createPair>[0] = {}): Pair {
  const pair = createPair(options);
  register(pair, pair.clientAdapter);
  register(pair, pair.serverAdapter);
  map(pair, pair.clientAdapter, 0x4000, 0x9000, P.TCE_READ);
  map(pair, pair.clientAdapter, 0x5000, 0x8000, P.TCE_WRITE);
  map(pair, pair.clientAdapter, 0x6000, 0x7000);
  map(pair, pair.serverAdapter, 0x4000, 0x4000);
  map(pair, pair.serverAdapter, 0x5000, 0x6000);
  return pair;
}

function fetch({ hypervisor, server }: Pair, ioba: number, length = 16, liobn = REMOTE_LIOBN): number {
  return hypervisor.rdma.copy(server, length, liobn, 0, ioba, SERVER_LIOBN, 0, 0x4000);
}

function store({ hypervisor, server }: Pair, ioba: number, length = 16, liobn = REMOTE_LIOBN): number {
  return hypervisor.rdma.copy(server, length, SERVER_LIOBN, 0, 0x4000, liobn, 0, ioba);
}

test("H_COPY_RDMA checks length, source, destination and rights, in this order", () => {
  const pair = ready();
  const { hypervisor, server } = pair;
  const { rdma } = hypervisor;
  expect(rdma.copy(server, 0x20001, 1, 0, 0, 1, 0, 0)).toBe(P.H_PARAMETER);
  expect(rdma.copy(server, 0x20000, 1, 0, 0, 1, 0, 0)).toBe(P.H_SOURCE_PARM);
  expect(rdma.copy(server, 16, REMOTE_LIOBN, 0, CLIENT_WINDOW - 8, 1, 0, 0)).toBe(P.H_SOURCE_PARM);
  expect(rdma.copy(server, 16, REMOTE_LIOBN, 0, 0x7000, 1, 0, 0)).toBe(P.H_DEST_PARM);
  expect(rdma.copy(server, 16, REMOTE_LIOBN, 0, 0x7000, SERVER_LIOBN, 1, 0)).toBe(P.H_DEST_PARM);
  expect(fetch(pair, 0x7000)).toBe(P.H_PERMISSION);
  expect(fetch(pair, 0x5000)).toBe(P.H_PERMISSION);
  expect(store(pair, 0x4000)).toBe(P.H_PERMISSION);
  expect([fetch(pair, 0x4000), store(pair, 0x5000), store(pair, 0x6000), fetch(pair, 0x6000)]).toEqual([0, 0, 0, 0]);
});

test("only the server sees the remote pane, and the client's own LIOBN is not its to name", () => {
  const pair = ready();
  const { rdma } = pair.hypervisor;
  expect(fetch(pair, 0x6000, 16, CLIENT_LIOBN)).toBe(P.H_SOURCE_PARM);
  expect(rdma.copy(pair.client, 16, CLIENT_LIOBN, 0, 0x6000, REMOTE_LIOBN, 0, 0x6000)).toBe(P.H_DEST_PARM);
  expect(rdma.copy(pair.client, 16, CLIENT_LIOBN, 0, 0x4000, CLIENT_LIOBN, 0, 0x6000)).toBe(P.H_SUCCESS);
});

test("a copy crosses pages that are not neighbours", () => {
  const pair = ready();
  map(pair, pair.clientAdapter, 0x5000, 0x2000, P.TCE_READ);
  const bytes = Uint8Array.from({ length: 0x1800 }, (_, index) => index % 251);
  pair.memory.u8.set(bytes.subarray(0, 0xf00), pair.client.memoryAddress + 0x9100);
  pair.memory.u8.set(bytes.subarray(0xf00), pair.client.memoryAddress + 0x2000);
  expect(fetch(pair, 0x4100, 0x1800)).toBe(P.H_SUCCESS);
  const at = pair.server.memoryAddress;
  expect(pair.memory.u8.slice(at + 0x4000, at + 0x5000)).toEqual(bytes.slice(0, 0x1000));
  expect(pair.memory.u8.slice(at + 0x6000, at + 0x6800)).toEqual(bytes.slice(0x1000));
});

test("the remote pane is cut while either queue is not registered, and after a crash", () => {
  const pair = ready();
  const { hypervisor, client, clientAdapter } = pair;
  hypervisor.crq.free(client, CLIENT);
  expect(fetch(pair, 0x6000)).toBe(P.H_PERMISSION);
  register(pair, clientAdapter);
  expect(fetch(pair, 0x6000)).toBe(P.H_SUCCESS);
  hypervisor.suspend(clientAdapter);
  expect(fetch(pair, 0x6000)).toBe(P.H_PERMISSION);
  hypervisor.crq.enable(client, CLIENT);
  expect(fetch(pair, 0x6000)).toBe(P.H_SUCCESS);
  hypervisor.crash(client);
  expect(fetch(pair, 0x6000)).toBe(P.H_PERMISSION);
});

test("without ibm,max-virtual-dma-size a copy has no limit of its own", () => {
  const pair = createPair({ maxVirtualDmaSize: null });
  expect(pair.hypervisor.rdma.copy(pair.server, 0x20001, 1, 0, 0, 1, 0, 0)).toBe(P.H_SOURCE_PARM);
  expect(() => createPair({ maxVirtualDmaSize: 0x1000 })).toThrow(RangeError);
});
