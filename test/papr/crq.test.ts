import { expect, test } from "vitest";
import * as P from "../../src/abi/papr.ts";
import { QUEUE_DISABLED, QUEUE_OPEN } from "../../src/abi/records.ts";
import { CLIENT, createPair, entryAt, map, type Pair, register, SERVER } from "./pair.ts";

const INIT = 0xc0010000;
const DEREGISTERED = `ff02${"00".repeat(14)}`;

function both(options: Parameters<typeof createPair>[0] = {}): Pair {
  const pair = createPair(options);
  expect(register(pair, pair.clientAdapter)).toBe(P.H_CLOSED);
  expect(register(pair, pair.serverAdapter)).toBe(P.H_SUCCESS);
  return pair;
}

function send(pair: Pair, word0 = INIT, word3 = 0): number {
  return pair.hypervisor.crq.send(pair.client, CLIENT, word0, 0, 0, word3);
}

test("H_REG_CRQ checks unit address, alignment, mapping, connection and use, in this order", () => {
  const pair = createPair();
  const { hypervisor, client, clientAdapter } = pair;
  const { crq } = hypervisor;
  expect(crq.register(client, SERVER, 0, 0x1000)).toBe(P.H_PARAMETER);
  expect(crq.register(client, CLIENT, 0, 0x1000)).toBe(P.H_PARAMETER);
  map(pair, clientAdapter, 0, 0);
  expect(crq.register(client, CLIENT, 0x800, 0x1000)).toBe(P.H_PARAMETER);
  expect(crq.register(client, CLIENT, 0, 0)).toBe(P.H_PARAMETER);
  expect(crq.register(client, CLIENT, 0, 0x1800)).toBe(P.H_PARAMETER);
  expect(crq.register(client, CLIENT, 0, 0x2000)).toBe(P.H_PARAMETER);
  expect(crq.register(client, CLIENT, clientAdapter.window.size, 0x1000)).toBe(P.H_PARAMETER);
  expect(crq.register(client, CLIENT, 0, 0x1000)).toBe(P.H_CLOSED);
  expect(crq.register(client, CLIENT, 0x800, 0x1000)).toBe(P.H_PARAMETER);
  expect(crq.register(client, CLIENT, 0, 0x1000)).toBe(P.H_RESOURCE);

  const lonely = hypervisor.addAdapter(client, "client", { unitAddress: 0x30000009, windowSize: 0x10000 });
  expect(crq.register(client, 0x30000009, 0, 0x1000)).toBe(P.H_PARAMETER);
  map(pair, lonely, 0, 0x1000);
  expect(crq.register(client, 0x30000009, 0, 0x1000)).toBe(P.H_NOT_FOUND);
});

test("H_REG_CRQ leaves interrupts off and sends the partner nothing", () => {
  const pair = both();
  let interrupts = 0;
  pair.serverAdapter.onInterrupt = () => interrupts++;
  expect(entryAt(pair, pair.clientAdapter, 0)).toBe("00".repeat(16));
  send(pair);
  expect(entryAt(pair, pair.serverAdapter, 0)).toBe(`c001${"00".repeat(14)}`);
  return Promise.resolve().then(() => expect(interrupts).toBe(0));
});

test("H_SEND_CRQ checks unit address, header, partner and room, in this order", () => {
  const pair = createPair();
  const { crq } = pair.hypervisor;
  expect(crq.send(pair.client, SERVER, 0, 0, 0, 0)).toBe(P.H_PARAMETER);
  for (const header of [0x00, 0x01, 0x7f, 0xff]) expect(send(pair, (header << 24) >>> 0)).toBe(P.H_PARAMETER);
  for (const header of [0x80, 0xc0, 0xfe]) expect(send(pair, (header << 24) >>> 0)).toBe(P.H_CLOSED);
  register(pair, pair.serverAdapter);
  for (let index = 0; index < 256; index++) expect(send(pair, INIT, index)).toBe(P.H_SUCCESS);
  expect(send(pair)).toBe(P.H_DROPPED);
  pair.memory.u8[pair.server.memoryAddress] = 0;
  expect(send(pair, INIT, 256)).toBe(P.H_SUCCESS);
  expect(entryAt(pair, pair.serverAdapter, 0)).toBe(`c001${"00".repeat(10)}00000100`);
  expect(entryAt(pair, pair.serverAdapter, 1)).toBe(`c001${"00".repeat(10)}00000001`);
});

test("a queue whose page was unmapped is H_HARDWARE, and re-mapped TCEs take effect", () => {
  const pair = both();
  map(pair, pair.serverAdapter, 0, 0, 0);
  expect(send(pair)).toBe(P.H_HARDWARE);
  map(pair, pair.serverAdapter, 0, 0x1000);
  expect(send(pair)).toBe(P.H_SUCCESS);
  expect(pair.memory.u8[pair.server.memoryAddress + 0x1000]).toBe(0xc0);
});

test("H_FREE_CRQ tells a registered partner by FF 02, once", () => {
  const pair = both();
  const { crq } = pair.hypervisor;
  expect(crq.free(pair.client, SERVER)).toBe(P.H_PARAMETER);
  expect(crq.free(pair.client, CLIENT)).toBe(P.H_SUCCESS);
  expect(entryAt(pair, pair.serverAdapter, 0)).toBe(DEREGISTERED);
  expect(crq.free(pair.client, CLIENT)).toBe(P.H_SUCCESS);
  expect(entryAt(pair, pair.serverAdapter, 1)).toBe("00".repeat(16));
  expect(crq.send(pair.server, SERVER, INIT, 0, 0, 0)).toBe(P.H_CLOSED);
  expect(register(pair, pair.clientAdapter)).toBe(P.H_SUCCESS);
});

test("FF 02 overwrites the last entry of a full queue", () => {
  const pair = both();
  for (let index = 0; index < 256; index++) send(pair, INIT, index);
  pair.hypervisor.crq.free(pair.client, CLIENT);
  expect(entryAt(pair, pair.serverAdapter, 255)).toBe(DEREGISTERED);
  expect(entryAt(pair, pair.serverAdapter, 254)).toBe(`c001${"00".repeat(10)}000000fe`);
  expect(entryAt(pair, pair.serverAdapter, 0)).toBe(`c001${"00".repeat(14)}`);
});

test("H_VIO_SIGNAL knows mode 0 and 1", () => {
  const { hypervisor, client } = createPair();
  expect(hypervisor.crq.signal(client, SERVER, 7)).toBe(P.H_PARAMETER);
  expect(hypervisor.crq.signal(client, CLIENT, 2)).toBe(P.H_PARAMETER);
  expect(hypervisor.crq.signal(client, CLIENT, 1)).toBe(P.H_SUCCESS);
  expect(hypervisor.crq.signal(client, CLIENT, 0)).toBe(P.H_SUCCESS);
});

test("interrupts are edges: lost while off, one pending at a time, never from within a call", () => {
  const tasks: (() => void)[] = [];
  const pair = both({ schedule: (task) => void tasks.push(task) });
  const { crq } = pair.hypervisor;
  let interrupts = 0;
  pair.serverAdapter.onInterrupt = () => interrupts++;
  const run = () => {
    for (const task of tasks.splice(0)) task();
    return interrupts;
  };
  send(pair);
  crq.signal(pair.server, SERVER, 1);
  expect(run()).toBe(0);
  send(pair);
  send(pair);
  expect(interrupts).toBe(0);
  expect(tasks).toHaveLength(1);
  expect(run()).toBe(1);
  send(pair);
  crq.free(pair.server, SERVER);
  expect(run()).toBe(1);
});

test("a crash puts FF 01 and invalidates the partition's TCEs", () => {
  const pair = both();
  pair.hypervisor.crash(pair.client);
  expect(entryAt(pair, pair.serverAdapter, 0)).toBe(`ff01${"00".repeat(14)}`);
  expect(pair.clientAdapter.window.get(0)).toEqual({ high: 0, low: 0 });
  expect(pair.hypervisor.crq.send(pair.server, SERVER, INIT, 0, 0, 0)).toBe(P.H_CLOSED);
  expect(pair.hypervisor.crq.register(pair.client, CLIENT, 0, 0x1000)).toBe(P.H_PARAMETER);
});

test("a suspended queue is closed to its partner until H_ENABLE_CRQ", () => {
  const pair = both();
  const { hypervisor, client, server, clientAdapter } = pair;
  hypervisor.suspend(clientAdapter);
  expect(entryAt(pair, clientAdapter, 0)).toBe(`ff06${"00".repeat(14)}`);
  expect(clientAdapter.queueState).toBe(QUEUE_DISABLED);
  expect(hypervisor.crq.send(server, SERVER, INIT, 0, 0, 0)).toBe(P.H_CLOSED);
  expect(hypervisor.crq.enable(client, SERVER)).toBe(P.H_PARAMETER);
  expect(hypervisor.crq.enable(client, CLIENT)).toBe(P.H_SUCCESS);
  expect(clientAdapter.queueState).toBe(QUEUE_OPEN);
  expect(hypervisor.crq.send(server, SERVER, INIT, 0, 0, 0)).toBe(P.H_SUCCESS);
});

test("the dispatch table reaches the same calls by token", () => {
  const pair = createPair();
  const { hypervisor, client } = pair;
  expect(hypervisor.hcall(client, 0x4).code).toBe(P.H_FUNCTION);
  const liobn = BigInt(pair.clientAdapter.window.liobn);
  expect(hypervisor.hcall(client, P.H_PUT_TCE, liobn, 0n, 0x3003n).code).toBe(P.H_SUCCESS);
  expect(hypervisor.hcall(client, P.H_GET_TCE, liobn, 0n)).toEqual({ code: P.H_SUCCESS, outputs: [0x3003n] });
  expect(hypervisor.hcall(client, P.H_STUFF_TCE, liobn, 0n, 0n, 513n).code).toBe(P.H_P4);
  expect(hypervisor.hcall(client, P.H_PUT_TCE_INDIRECT, -1n, 0n, 0n, 1n).code).toBe(P.H_FUNCTION);
  expect(hypervisor.hcall(client, P.H_REG_CRQ, BigInt(CLIENT), 0n, 0x1000n).code).toBe(P.H_CLOSED);
  expect(hypervisor.hcall(client, P.H_VIO_SIGNAL, BigInt(CLIENT), 1n).code).toBe(P.H_SUCCESS);
  register(pair, pair.serverAdapter);
  expect(hypervisor.hcall(client, P.H_SEND_CRQ, BigInt(CLIENT), 0xc001000000000000n, 0n).code).toBe(P.H_SUCCESS);
  expect(hypervisor.hcall(client, P.H_COPY_RDMA, 1n << 63n, 0n, 0n, 0n, 0n).code).toBe(P.H_PARAMETER);
  expect(hypervisor.hcall(client, P.H_ENABLE_CRQ, BigInt(CLIENT)).code).toBe(P.H_SUCCESS);
  expect(hypervisor.hcall(client, P.H_FREE_CRQ, BigInt(CLIENT)).code).toBe(P.H_SUCCESS);
});
