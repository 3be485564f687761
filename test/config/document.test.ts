import fc from "fast-check";
import { expect, test } from "vitest";
import { ConfigError } from "../../src/config/config-error.ts";
import { configDocument, configText } from "../../src/config/document.ts";
import { checkConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/schema.ts";

const option = <Value>(value: Value) => fc.option(fc.constant(value), { nil: undefined });

/** What both kinds of unit may say. */
const body = {
  backend: fc.constantFrom(
    { type: "memory", size: "64M" },
    { type: "file", path: "/srv/a.img" },
    { type: "nbd", uri: "nbds://host/export", connections: 2, timeout: 500, tls: { ca: "/etc/ca.pem" } },
  ),
  removable: option(true),
  readOnly: option(true),
  eraseRate: option("1M"),
  blockSize: fc.constantFrom(undefined, 512, 4096),
  physicalBlockSize: option(4096),
  thin: option(false),
  vendor: option("ACME"),
  serial: option("42"),
};

/** Configurations with some of everything that comes and goes while a daemon runs. */
const configuration = fc
  .record({
    named: fc.array(fc.record(body), { maxLength: 3 }),
    adapters: fc.array(
      fc.record({
        requestLimit: option(7),
        maxTransfer: option("256K"),
        buses: option([3, 1]),
        units: fc.array(fc.record({ bus: option(1), active: option(false), ...body }), { maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
    debug: fc.nat(2),
  })
  .map(({ named, adapters, debug }) =>
    checkConfig(
      JSON.parse(
        JSON.stringify({
          version: 1,
          log: { debug },
          partition: { name: "server" },
          guests: [{ name: "g", socket: "/run/g.sock" }],
          logicalUnits: named.map((unit, index) => ({ name: `unit${index}`, ...unit })),
          adapters: adapters.map(({ units, ...adapter }, index) => ({
            unitAddress: `0x${(0x71000003 + index).toString(16)}`,
            guest: index === 0 ? undefined : "g",
            ...adapter,
            logicalUnits: units.map((unit, target) => ({ target, ...unit })),
          })),
          iscsi: { portals: [{ address: "127.0.0.1" }], targets: [], limits: { loginTimeout: 7 } },
          metrics: { address: "127.0.0.1", port: 0 },
        }),
      ),
      "test",
    ),
  );

test("what is written is read again as the same", () => {
  fc.assert(
    fc.property(configuration, (config) => {
      const text = configText(config);
      expect(checkConfig(JSON.parse(text), "test")).toEqual(config);
      // The order of the keys is the schema's, whatever the order in which edits put them.
      const shuffled = { ...config, adapters: config.adapters.map((adapter) => reversed(adapter) as typeof adapter) };
      expect(configText(shuffled)).toBe(text);
    }),
    { numRuns: 200 },
  );
});

function reversed(value: object): object {
  const entries = Object.entries(value).map(([key, inner]) => [
    key,
    key === "logicalUnits" ? inner.map(reversed) : inner,
  ]);
  return Object.fromEntries(entries.reverse());
}

const disk = { target: 0, backend: { type: "memory", size: "1M" } };
const running = checkConfig({ version: 1, adapters: [{ unitAddress: "0x1", logicalUnits: [disk] }] }, "test");

/** The running configuration, with something else in the place of its only adapter's units. */
function withUnits(edit: (units: Config["adapters"][number]["logicalUnits"]) => object[]): Config {
  const adapters = running.adapters.map((adapter) => ({ ...adapter, logicalUnits: edit(adapter.logicalUnits) }));
  return { ...running, adapters } as Config;
}

test.each<[string, Config, RegExp]>([
  [
    "a unit that is new and wrong",
    withUnits((units) => [
      ...units,
      ...units.map((unit) => ({ ...unit, target: 1, physicalBlockSize: 512, blockSize: 4096 })),
    ]),
    /adapters\.0\.logicalUnits\.1\.physicalBlockSize: 512 is not allowed/,
  ],
  [
    "two units at a place, both right by themselves",
    withUnits((units) => [...units, ...units]),
    /adapters\.0\.logicalUnits\.1: .*each bus, target and lun once/,
  ],
  [
    "an adapter's own value",
    { ...running, adapters: running.adapters.map((adapter) => ({ ...adapter, requestLimit: 1 })) },
    /adapters\.0\.requestLimit/,
  ],
  ["a name that nobody has", withUnits(() => [{ ...disk, backend: undefined, unit: "none" }]), /a name listed in/],
])("is not written: %s", (_what, config, problem) => {
  configDocument(running);
  expect(() => configDocument(config)).toThrow(problem);
  expect(() => configDocument(config)).toThrow(ConfigError);
});
