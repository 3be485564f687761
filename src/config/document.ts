import { z } from "zod";
import { problems } from "./load.ts";
import { type AdapterConfig, type Config, type ConfigInput, configSchema } from "./schema.ts";

type UnitDocument = Record<string, unknown>;

/** What a unit is that says nothing, in an adapter's place and on its own: need not be written. */
const UNIT_DEFAULTS: UnitDocument = {
  type: "disk",
  bus: 0,
  lun: 0,
  active: true,
  readOnly: false,
  blockSize: 512,
};

/**
 * A configuration in the form in which files have it, without what goes without saying.
 * @throws ConfigError when it would not be read again
 */
export function configDocument(config: Config): ConfigInput {
  const result = z.safeEncode(configSchema, config);
  if (!result.success) throw problems(result.error, config, "configuration");
  const document = result.data;
  const units = <Unit extends object>(list: readonly Unit[] | undefined) =>
    (list ?? []).map((unit) => withoutDefaults(unit) as Unit);
  return {
    ...document,
    logicalUnits: units(document.logicalUnits),
    adapters: (document.adapters ?? []).map((adapter) => ({ ...adapter, logicalUnits: units(adapter.logicalUnits) })),
  };
}

/** The text of a configuration file. @throws ConfigError */
export function configText(config: Config): string {
  return `${JSON.stringify(configDocument(config), null, 2)}\n`;
}

function withoutDefaults(unit: object): object {
  return Object.fromEntries(
    Object.entries(unit).filter(([key, value]) => value !== undefined && UNIT_DEFAULTS[key] !== value),
  );
}

/** How many targets each bus of an adapter has: as many as it says, and as its units need; one at least, on one bus. */
export function busLayout({ buses, logicalUnits }: AdapterConfig): number[] {
  const layout = buses === undefined ? [1] : [...buses];
  for (const { bus, target } of logicalUnits) {
    while (layout.length <= bus) layout.push(1);
    layout[bus] = Math.max(layout[bus] ?? 0, target + 1);
  }
  return layout;
}
