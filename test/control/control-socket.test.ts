import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, connect as netConnect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { ControlClient, ControlError, callDaemon } from "../../src/control/client.ts";
import { LineReader } from "../../src/control/line-reader.ts";
import type { Caller, Methods } from "../../src/control/method.ts";
import { type Answer, REQUEST_LINE_MAX } from "../../src/control/protocol.ts";
import { ControlServer } from "../../src/control/server.ts";
import { silentLog } from "../../src/core/log.ts";

const folder = mkdtempSync(join(tmpdir(), "vscsi-control-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "private", "control.sock");

let server: ControlServer;
let watchers: Caller[];
let release: () => void;
let closed: number;
let notified: number;

function methods(): Methods {
  return {
    echo: (params) => params,
    nothing: () => undefined,
    slow: () => new Promise<string>((resolve) => (release = () => resolve("at last"))),
    refuse: () => {
      throw Object.assign(new Error("it is busy"), { code: "EBUSY" });
    },
    misfit: () => {
      throw Object.assign(new Error("size: is not allowed"), { code: "VSCSI_CONFIG" });
    },
    fail: () => {
      throw new Error("a bug");
    },
    note: { summary: "Counts.", handle: () => void notified++ },
    watch: (_params, caller) => {
      watchers.push(caller);
      caller.onClosed(() => closed++);
      return {};
    },
    big: () => "x".repeat(1 << 20),
  };
}

beforeEach(async () => {
  watchers = [];
  closed = 0;
  notified = 0;
  release = () => {};
  server = await ControlServer.listen(path, methods(), silentLog);
});
afterEach(() => server.close());

/** A client that says what it likes and keeps what comes back, line by line. */
async function raw(): Promise<{ socket: Socket; lines: string[]; line: (index: number) => Promise<Answer> }> {
  const socket = netConnect(path);
  const reader = new LineReader(1 << 24);
  const lines: string[] = [];
  socket.setEncoding("utf8").on("data", (text: string) => lines.push(...(reader.take(text) ?? [])));
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("connect", resolve));
  const line = async (index: number) => {
    for (let wait = 0; lines[index] === undefined && wait < 500; wait++) await sleep(10);
    return JSON.parse(lines[index] ?? '{"timeout":true}');
  };
  return { socket, lines, line };
}

test("the socket is its owner's alone, in a folder that is, too", () => {
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
});

describe("calls", () => {
  test("bring results and errors, several at a time, in whatever order", async () => {
    const client = await ControlClient.connect(path);
    const slow = client.call("slow");
    expect(await client.call("echo", { a: [1, "ü"] })).toEqual({ a: [1, "ü"] });
    expect(await client.call("nothing")).toBe(null);
    release();
    expect(await slow).toBe("at last");
    client.close();
    await client.closed;
    await expect(client.call("echo")).rejects.toThrow("the connection is closed");
  });

  test.each<[string, number, string | undefined, RegExp]>([
    ["refuse", -32000, "EBUSY", /it is busy/],
    ["misfit", -32602, "VSCSI_CONFIG", /size/],
    ["fail", -32603, undefined, /a bug/],
    ["toString", -32601, undefined, /no method toString; there are: echo/],
  ])("%s fails with %i", async (method, rpcCode, reason, message) => {
    const error = await callDaemon(path, method).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ControlError);
    expect(error).toMatchObject({ rpcCode, reason, message: expect.stringMatching(message) });
  });

  test("that take too long are given up; the connection stays", async () => {
    const client = await ControlClient.connect(path);
    await expect(client.call("slow", {}, 30)).rejects.toThrow("did not answer slow within 0.03 s");
    release();
    expect(await client.call("echo", [1])).toEqual([1]);
    client.close();
  });

  test("fail when the daemon goes", async () => {
    const client = await ControlClient.connect(path);
    const slow = client.call("slow");
    await Promise.all([expect(slow).rejects.toThrow("closed the connection"), server.close()]);
    server = await ControlServer.listen(path, methods(), silentLog);
  });

  test("to nobody, or to a socket that only others may use, say so", async () => {
    await expect(callDaemon(join(folder, "none"), "echo")).rejects.toThrow(/no daemon answers/);
  });

  test("to something that is no daemon fail", async () => {
    const impostor = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const place = join(folder, "impostor.sock");
    await new Promise<void>((resolve) => impostor.listen(place, resolve));
    await expect(callDaemon(place, "echo")).rejects.toThrow("no daemon of ours");
    impostor.close();
  });
});

describe("watching", () => {
  test("brings notifications until the watcher goes", async () => {
    const seen: unknown[] = [];
    const client = await ControlClient.connect(path, (method, params) => seen.push([method, params]));
    await client.call("watch");
    expect(watchers[0]?.notify("changed", { path: "a" })).toBe(true);
    await client.call("echo", {});
    expect(seen).toEqual([["changed", { path: "a" }]]);
    client.close();
    for (let wait = 0; closed === 0 && wait < 500; wait++) await sleep(10);
    expect(closed).toBe(1);
    expect(watchers[0]?.notify("changed", {})).toBe(false);
  });

  test("a watcher that does not read is given up, and the others are served", async () => {
    const { socket } = await raw();
    socket.write('{"jsonrpc":"2.0","id":1,"method":"watch"}\n');
    for (let wait = 0; watchers.length === 0 && wait < 500; wait++) await sleep(10);
    socket.pause();
    let count = 0;
    while (watchers[0]?.notify("changed", "x".repeat(1 << 18)) && count < 1000) count++;
    expect(count).toBeLessThan(200);
    expect(await callDaemon(path, "echo", { b: 1 })).toEqual({ b: 1 });
    socket.destroy();
  });
});

describe("JSON-RPC 2.0", () => {
  test.each<[string, object]>([
    ["{", { id: null, error: { code: -32700 } }],
    ["1", { id: null, error: { code: -32600 } }],
    ['{"jsonrpc":"2.0","id":7}', { id: 7, error: { code: -32600 } }],
    ['{"id":7,"method":"echo"}', { id: 7, error: { code: -32600 } }],
    ['{"jsonrpc":"2.0","id":7,"method":"echo","params":3}', { id: 7, error: { code: -32600 } }],
    ['{"jsonrpc":"2.0","id":{},"method":"echo"}', { id: null, error: { code: -32600 } }],
    ["[]", { id: null, error: { code: -32600 } }],
    ['{"jsonrpc":"2.0","id":"a","method":"echo","params":[1]}', { id: "a", result: [1] }],
  ])("%s is answered", async (line, answer) => {
    const client = await raw();
    client.socket.write(`${line}\n`);
    expect(await client.line(0)).toMatchObject({ jsonrpc: "2.0", ...answer });
    client.socket.destroy();
  });

  test("notifications are carried out and not answered; batches are answered together", async () => {
    const client = await raw();
    client.socket.write('{"jsonrpc":"2.0","method":"note"}\n[{"jsonrpc":"2.0","method":"note"}]\n');
    client.socket.write(
      '[{"jsonrpc":"2.0","id":1,"method":"echo"},{"jsonrpc":"2.0","method":"note"},4,{"jsonrpc":"2.0","id":2,"method":"nothing"}]\n',
    );
    expect(await client.line(0)).toMatchObject([{ id: 1, result: null }, { error: { code: -32600 } }, { id: 2 }]);
    expect(notified).toBe(3);
    expect(client.lines.length).toBe(1);
    client.socket.destroy();
  });

  test("a client that has said all gets its answers", async () => {
    const client = await raw();
    client.socket.end('{"jsonrpc":"2.0","id":1,"method":"echo","params":[2]}\n');
    expect(await client.line(0)).toMatchObject({ id: 1, result: [2] });
  });
});

describe("bounds", () => {
  test("a line that is too long is refused, and the connection closed", async () => {
    const client = await raw();
    const ended = new Promise((resolve) => client.socket.once("close", resolve));
    client.socket.write(" ".repeat(REQUEST_LINE_MAX + 10));
    expect(await client.line(0)).toMatchObject({ id: null, error: { code: -32700 } });
    client.socket.end();
    await ended;
  });

  test("a client that asks and does not read waits; it gets every answer once it reads", async () => {
    const client = await raw();
    client.socket.pause();
    const asked = 40;
    for (let id = 0; id < asked; id++) client.socket.write(`{"jsonrpc":"2.0","id":${id},"method":"big"}\n`);
    expect(await callDaemon(path, "echo", { c: 1 })).toEqual({ c: 1 });
    client.socket.resume();
    await client.line(asked - 1);
    expect(client.lines.length).toBe(asked);
    client.socket.destroy();
  });

  test("whatever bytes come, the daemon serves on", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const { socket } = await raw();
        socket.write(bytes);
        socket.end("\n");
        await new Promise((resolve) => socket.once("close", resolve));
        expect(await callDaemon(path, "echo", { d: 1 })).toEqual({ d: 1 });
      }),
      { numRuns: 50 },
    );
  });
});

test("LineReader gives the same lines however the text is cut", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 20 }), { maxLength: 20 }), fc.array(fc.nat(9)), (parts, cuts) => {
      const text = parts.join("\n");
      const reader = new LineReader(1000);
      const lines: string[] = [];
      let rest = `${text}\n`;
      for (const cut of cuts) {
        lines.push(...(reader.take(rest.slice(0, cut)) ?? []));
        rest = rest.slice(cut);
      }
      lines.push(...(reader.take(rest) ?? []));
      expect(lines).toEqual(text.split("\n").filter((line) => line.trim() !== ""));
    }),
  );
});

test("a file in the socket's place is no daemon", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  chmodSync(file, 0o600);
  await expect(callDaemon(file, "echo")).rejects.toThrow(/no daemon answers/);
});
