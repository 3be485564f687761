import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { checkConfig } from "../../src/config/load.ts";
import { formatSize, parseSize } from "../../src/config/size.ts";

const disk = { target: 1, backend: { type: "memory", size: "64M" } };

function problem(value: unknown): string {
  try {
    checkConfig(value, "test.json");
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  return "";
}

test("a minimal file gets every default", () => {
  const config = checkConfig({ version: 1, adapters: [{ unitAddress: "0x30000002", logicalUnits: [disk] }] }, "t");
  expect(config.core).toBe("wasm");
  expect(config.adapters[0]).toMatchObject({ unitAddress: 0x30000002, requestLimit: 112, maxTransfer: 0x100000 });
  expect(config.adapters[0]?.logicalUnits[0]).toMatchObject({ bus: 0, lun: 0, blockSize: 512, readOnly: false });
});

test.each([
  [
    { version: 1, logicalUnits: [{ name: "d", backend: { type: "memory", size: "1M", overlay: { keep: true } } }] },
    /logicalUnits\.0\.backend\.overlay: .*an overlay: \{"path": FILE\}/,
  ],
  [
    {
      version: 1,
      logicalUnits: [{ name: "d", type: "optical", backend: { type: "file", path: "a", overlay: { keep: false } } }],
    },
    /an optical disc has no overlay/,
  ],
  [{ version: 2 }, /test\.json: version: 2 is not allowed/],
  [
    { version: 1, adapters: [{ unitAddress: "0x1" }], portGroups: [{ identifier: 1 }] },
    /at least one adapter or portal/,
  ],
  [
    {
      version: 1,
      adapters: [{ unitAddress: "0x1" }, { unitAddress: "0x2" }],
      portGroups: [{ identifier: 1, adapters: [0] }],
    },
    /each of the 2 adapters in exactly one group/,
  ],
  [{ version: 1, portGroups: [{ identifier: 1, portals: [0] }] }, /each of the 0 portals in exactly one group/],
  [
    {
      version: 1,
      portGroups: [
        { identifier: 1, portals: [0] },
        { identifier: 1, portals: [1] },
      ],
    },
    /each identifier once/,
  ],
  [{ version: 1, core: "native" }, /core: "native" is not allowed: .*"wasm"\|"js"/],
  [{ version: 1, adaptors: [] }, /unknown key adaptors/],
  [{ version: 1, adapters: [{ unitAddress: 5 }] }, /adapters\.0\.unitAddress: 5 is not allowed/],
  [{ version: 1, adapters: [{ unitAddress: "0x1", guest: "g" }] }, /a name listed in "guests"/],
  [
    { version: 1, logicalUnits: [{ name: "a", backend: disk.backend, blockSize: 4096, physicalBlockSize: 512 }] },
    /physicalBlockSize: 512 is not allowed: .*at least 4096/,
  ],
  [{ version: 1, logicalUnits: [{ name: "a", type: "optical", thin: true }] }, /thin: true is not allowed/],
  [{ version: 1, adapters: [{ unitAddress: "0x1", logicalUnits: [disk, disk] }] }, /each bus, target and lun once/],
  [
    { version: 1, adapters: [{ unitAddress: "0x1", logicalUnits: [{ target: 64, backend: disk.backend }] }] },
    /logicalUnits\.0\.target: 64 is not allowed/,
  ],
  [
    {
      version: 1,
      adapters: [{ unitAddress: "0x1", logicalUnits: [{ target: 1, backend: { type: "memory", size: "lots" } }] }],
    },
    /backend\.size: "lots" is not allowed: a size in bytes/,
  ],
])("a bad file names the key, the value and what is allowed (%#)", (value, message) => {
  expect(problem(value)).toMatch(message);
});

/** One adapter with one logical unit, beside its address. */
function withUnit(unit: object) {
  return { version: 1, adapters: [{ unitAddress: "0x1", logicalUnits: [{ target: 1, ...unit }] }] };
}

describe("drives", () => {
  test.each([
    ["a removable disk, empty", { removable: true }],
    ["an optical drive, empty", { type: "optical" }],
    ["an optical drive with a disc", { type: "optical", removable: true, backend: { type: "file", path: "/a.iso" } }],
  ])("%s", (_name, unit) => {
    expect(checkConfig(withUnit(unit), "t").adapters[0]?.logicalUnits[0]).toMatchObject(unit);
  });

  test.each([
    ["a fixed disk without a backend", {}, /backend: \(missing\) is not allowed: a disk has one/],
    ["an optical drive that is fixed", { type: "optical", removable: false }, /removable: false/],
    ["an optical drive with blocks of its own", { type: "optical", blockSize: 4096 }, /blocks of 2048 bytes/],
    ["a kind that is not there", { type: "tape" }, /type: "tape" is not allowed: .*"disk"\|"optical"/],
  ])("not %s", (_name, unit, message) => {
    expect(problem(withUnit(unit))).toMatch(message);
  });
});

test("whatever the file says, the answer is a configuration or a ConfigError", () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      try {
        checkConfig(value, "t");
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
      }
    }),
  );
});

test("sizes", () => {
  expect(parseSize("64M")).toBe(64 * 2 ** 20);
  expect(parseSize("512")).toBe(512);
  expect(parseSize("1GiB")).toBe(2 ** 30);
  expect(parseSize("-1")).toBeUndefined();
  expect(parseSize("9999999999T")).toBeUndefined();
  expect(formatSize(64 * 2 ** 20)).toBe("64 MiB");
  expect(formatSize(1.5 * 2 ** 30)).toBe("1.5 GiB");
});

test.each([
  [{ type: "passthrough" }, /backend: .*the device that commands go to, of type "sg" or "iscsi"/],
  [{ type: "passthrough", backend: { type: "memory", size: "1M" } }, /the device that commands go to/],
  [{ type: "passthrough", backend: { type: "sg", path: "a" }, blockSize: 4096 }, /blockSize: .*the device's own/],
  [{ type: "passthrough", backend: { type: "sg", path: "a" }, thin: true }, /thin: .*the device's own/],
  [{ type: "passthrough", backend: { type: "sg", path: "a" }, serial: "1" }, /serial: .*the device's own/],
  [{ backend: { type: "sg", path: "a" } }, /backend: .*served with "type": "passthrough"/],
  [{ backend: { type: "memory", size: "1M" }, passThrough: {} }, /passThrough: .*only with "type": "passthrough"/],
  [
    { type: "passthrough", backend: { type: "sg", path: "a" }, passThrough: { filter: { allow: ["everything"] } } },
    /filter\.allow\.0: "everything" is not allowed: one of reservations, .*"0x4c"/,
  ],
])("a unit %j is refused with %s", (unit, expected) => {
  expect(problem({ version: 1, logicalUnits: [{ name: "d", ...unit }] })).toMatch(expected);
});
