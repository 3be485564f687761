import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { type DeviceTreeNode, partitionDeviceTree } from "../../src/papr/device-tree.ts";
import { printDeviceTree } from "../../src/papr/dts.ts";
import { flattenDeviceTree } from "../../src/papr/fdt.ts";
import { requires } from "../support/requires.ts";
import { createPair } from "./pair.ts";

const IDENTITY = { model: "IBM,9117-MMA", systemId: "1070 86C" };
const pair = createPair({ clientWindow: 0x10000000 });

function tree(side: "client" | "server"): DeviceTreeNode {
  return partitionDeviceTree(pair.hypervisor, pair[side], IDENTITY);
}

function dtc(from: "dts" | "dtb", to: "dts" | "dtb", input: string | Uint8Array): Buffer {
  return execFileSync("dtc", ["-q", "-I", from, "-O", to, "-"], { input });
}

function cellsOf(side: "client" | "server", property: string): readonly number[] {
  const adapter = tree(side).children[0]?.children[0];
  const value = adapter?.properties.get(property);
  return value?.kind === "cells" ? value.cells : [];
}

test("ibm,my-dma-window has 2+2 cells: one triple for a client, own and remote for a server", () => {
  expect(cellsOf("client", "ibm,my-dma-window")).toEqual([0x10000005, 0, 0, 0, 0x10000000]);
  expect(cellsOf("server", "ibm,my-dma-window")).toEqual([
    0x10000006, 0, 0, 0, 0x1000000, 0x10000007, 0, 0, 0, 0x10000000,
  ]);
  const bytes = Buffer.from("1000000500000000000000000000000010000000", "hex");
  expect(Buffer.from(flattenDeviceTree(tree("client"))).includes(bytes)).toBe(true);
});

test("the nodes carry what drivers match by", () => {
  const client = printDeviceTree(tree("client"));
  expect(client).toContain("v-scsi@30000002 {");
  expect(client).toContain('device_type = "vscsi"');
  expect(client).toContain('compatible = "IBM,v-scsi"');
  expect(client).toContain('ibm,loc-code = "IBM,9117-MMA-1070 86C-V5-C2"');
  expect(client).toContain("ibm,max-virtual-dma-size = <0x20000>");
  const server = printDeviceTree(tree("server"));
  expect(server).toContain("v-scsi-host@30000003 {");
  expect(server).toContain('compatible = "IBM,v-scsi-host"');
  expect(server).toContain("ibm,vserver;");
});

test.skipIf(!requires("dtc")).each(["client", "server"] as const)(
  "dtc reads both forms of the %s's tree alike",
  (side) => {
    const blob = flattenDeviceTree(tree(side));
    const fromBlob = dtc("dtb", "dts", blob).toString();
    expect(fromBlob).toBe(dtc("dtb", "dts", dtc("dts", "dtb", printDeviceTree(tree(side)))).toString());
    const properties = tree(side).children[0]?.children[0]?.properties ?? new Map();
    expect(properties.size).toBeGreaterThan(8);
    for (const name of properties.keys()) expect(fromBlob).toContain(name);
  },
);
