import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkConfig } from "../../src/config/load.ts";
import { LATENCY_BOUNDS, LatencyHistogram } from "../../src/core/latency.ts";
import { silentLog } from "../../src/core/log.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { Initiator } from "../../src/initiator/initiator.ts";
import { deviceLun } from "../../src/initiator/lun.ts";
import { LINUX } from "../../src/initiator/profiles.ts";
import { OpenMetricsText } from "../../src/observe/open-metrics.ts";
import { type ExposedFamily, parseExposition } from "./exposition.ts";

const PYTHON = "/usr/bin/python3";
const JUDGE = `
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
print(sum(len(family.samples) for family in text_string_to_metric_families(sys.stdin.read())))`;
const judgeThere = spawnSync(PYTHON, ["-c", "import prometheus_client.openmetrics.parser"]).status === 0;

const folder = mkdtempSync(join(tmpdir(), "vscsi-metrics-"));
const socketPath = join(folder, "private", "metrics.sock");
const ADAPTER = "0x30000002";
const UNIT = 'a "b"\\c';

let daemon: Daemon;
let initiator: Initiator;

beforeAll(async () => {
  const image = join(folder, UNIT);
  writeFileSync(image, new Uint8Array(1 << 20));
  const logicalUnits = [
    { target: 1, unit: "disk1" },
    { target: 2, backend: { type: "file", path: image } },
  ];
  const config = {
    version: 1,
    metrics: { socket: socketPath },
    logicalUnits: [{ name: "disk1", backend: { type: "memory", size: "1M" } }],
    adapters: [{ unitAddress: ADAPTER, logicalUnits }],
    iscsi: { portals: [{ port: 0 }], targets: [{ name: "iqn.2026-11.test:t", luns: [{ lun: 0, unit: "disk1" }] }] },
  };
  daemon = await Daemon.start(checkConfig(config, "test"), silentLog);
  const client = daemon.partitions.client(Number(ADAPTER));
  if (client === undefined) throw new Error("no such adapter");
  const { hypervisor } = daemon.partitions;
  initiator = new Initiator({ hypervisor, adapter: client.adapter, profile: LINUX });
  await initiator.connect();
});
afterAll(async () => {
  initiator.close();
  await daemon.stop();
  rmSync(folder, { recursive: true });
});

interface Reply {
  status: number | undefined;
  type: string | undefined;
  text: string;
}

function ask(path: string, method = "GET"): Promise<Reply> {
  return new Promise((resolveReply, reject) => {
    const request = httpRequest({ socketPath, path, method }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () =>
        resolveReply({ status: response.statusCode, type: response.headers["content-type"], text }),
      );
    });
    request.on("error", reject).end();
  });
}

async function scrape(): Promise<Map<string, ExposedFamily>> {
  return parseExposition((await ask("/metrics")).text);
}

/** Value of the one sample of a family that has these labels. */
function value(families: Map<string, ExposedFamily>, name: string, labels: Record<string, string>, suffix = "") {
  const family = families.get(name);
  const matches = family?.samples.filter(
    (sample) =>
      (suffix === "" || sample.name === name + suffix) &&
      Object.entries(labels).every(([label, text]) => sample.labels[label] === text),
  );
  expect(matches, `${name} ${JSON.stringify(labels)}`).toHaveLength(1);
  return matches?.[0]?.value;
}

function command(target: number, cdb: number[], dataOut?: Uint8Array) {
  return initiator.command({ lun: deviceLun(target), cdb, ...(dataOut ? { dataOut } : { dataInLength: 4096 }) });
}

describe("/metrics", () => {
  test("is OpenMetrics", async () => {
    const { status, type, text } = await ask("/metrics");
    expect({ status, type }).toEqual({
      status: 200,
      type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
    });
    const families = parseExposition(text);
    expect(families.size).toBeGreaterThan(25);
    for (const { name, help } of families.values()) {
      expect(name).toMatch(/^(vscsi|process|nodejs)_[a-z_]+$/);
      expect(help).toMatch(/\.$/);
    }
  });

  test.skipIf(!judgeThere)("is taken by Prometheus' own parser [needs python3-prometheus-client]", async () => {
    await command(1, [0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0]);
    const { text } = await ask("/metrics");
    const { stdout, stderr } = spawnSync(PYTHON, ["-c", JUDGE], { input: text, encoding: "utf8" });
    expect(stderr).toBe("");
    const own = [...parseExposition(text).values()].reduce((sum, { samples }) => sum + samples.length, 0);
    expect(Number(stdout)).toBe(own);
  });

  test("counts what a unit and an adapter did", async () => {
    const before = await scrape();
    const place = `${ADAPTER}/2.0`;
    expect(before.get("vscsi_unit_command_duration_seconds")?.samples.some(({ labels }) => labels.unit === place)).toBe(
      false,
    );
    await command(2, [0x2a, 0, 0, 0, 0, 0, 0, 0, 4, 0], new Uint8Array(2048));
    await command(2, [0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0]);
    await command(2, [0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0]);
    await command(2, [0x28, 0, 0xff, 0, 0, 0, 0, 0, 8, 0]);
    const after = await scrape();
    const unit = { unit: place };
    expect(value(after, "vscsi_unit", unit)).toBe(1);
    expect(after.get("vscsi_unit")?.samples.map(({ labels }) => labels.medium)).toContain(join(folder, UNIT));
    expect(value(after, "vscsi_unit_size_bytes", unit)).toBe(1 << 20);
    expect(value(after, "vscsi_unit_read_bytes", unit)).toBe(2 * 4096);
    expect(value(after, "vscsi_unit_written_bytes", unit)).toBe(2048);
    const count = (operation: string) =>
      value(after, "vscsi_unit_command_duration_seconds", { ...unit, operation }, "_count");
    expect([count("read"), count("write"), count("other")]).toEqual([2, 1, 1]);
    expect(value(after, "vscsi_unit_failed_commands", { ...unit, operation: "other" })).toBe(1);
    const adapter = { adapter: ADAPTER };
    const grown = (name: string, suffix = "") =>
      Number(value(after, name, adapter, suffix)) - Number(value(before, name, adapter, suffix));
    expect(grown("vscsi_adapter_requests")).toBe(4);
    expect(grown("vscsi_adapter_sent_bytes")).toBe(2 * 4096);
    expect(grown("vscsi_adapter_received_bytes")).toBe(2048);
    expect(grown("vscsi_adapter_failed_commands")).toBe(1);
    expect(grown("vscsi_adapter_command_duration_seconds", "_count")).toBe(4);
    expect(value(after, "vscsi_adapter_logged_in", adapter)).toBe(1);
    expect(value(after, "vscsi_iscsi_sessions", { target: "iqn.2026-11.test:t" })).toBe(0);
  });
});

describe("HTTP", () => {
  test("/healthz says that all is well", async () => {
    expect(await ask("/healthz")).toEqual({ status: 200, type: "text/plain", text: "ok\n" });
  });

  test.each<[string, string, number]>([
    ["/", "GET", 404],
    ["/toString", "GET", 404],
    ["/metrics", "POST", 405],
    ["/metrics?name=x", "GET", 200],
  ])("%s by %s ends with %i", async (path, method, status) => {
    expect((await ask(path, method)).status).toBe(status);
  });

  test("HEAD has no text; the socket is its owner's alone", async () => {
    expect(await ask("/metrics", "HEAD")).toMatchObject({ status: 200, text: "" });
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  });

  test("at a loopback port; other addresses are refused", async () => {
    const metrics = { port: 0 };
    const served = await Daemon.start(checkConfig({ version: 1, metrics }, "test"), silentLog);
    const { metrics: place } = served.status();
    expect(place).toMatchObject({ address: "127.0.0.1", port: expect.any(Number) });
    const port = place !== undefined && "port" in place ? place.port : 0;
    expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text()).toBe("ok\n");
    await served.stop();
    expect(() => checkConfig({ version: 1, metrics: { address: "0.0.0.0" } }, "test")).toThrow(/loopback/);
  });
});

test("docs/metrics.md lists every metric", async () => {
  const text = readFileSync(resolve(import.meta.dirname, "../../docs/metrics.md"), "utf8");
  const rows = [...text.matchAll(/^\| `(\w+)` +\| (\w+) /gm)].map(([, name, type]) => `${name} ${type}`);
  const exposed = [...(await scrape()).values()].map(({ name, type }) => `${name} ${type}`);
  expect(rows.sort()).toEqual(exposed.sort());
});

test("a latency is in the first bucket whose bound is not below it", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e8, noNaN: true }), (milliseconds) => {
      const histogram = new LatencyHistogram();
      histogram.observe(milliseconds);
      // Microseconds are counted as whole ones, rounded up.
      const seconds = Math.ceil(milliseconds * 1000) / 1e6;
      const expected = LATENCY_BOUNDS.findIndex((bound) => seconds <= bound);
      expect(histogram.buckets.indexOf(1)).toBe(expected < 0 ? LATENCY_BOUNDS.length : expected);
    }),
  );
});

test("any label value survives", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const metric = { type: "gauge" as const, name: "x", help: "X.", read: () => [{ value: 1 }] };
      const exposition = new OpenMetricsText().add({ metrics: [metric], subjects: [0], labels: () => ({ a: text }) });
      expect(parseExposition(exposition.end()).get("x")?.samples[0]?.labels.a).toBe(text);
    }),
  );
});
