import { z } from "zod";
import { checkConfig, problems } from "./load.ts";
import {
  type AdapterConfig,
  type Config,
  type ConfigInput,
  checkAcross,
  configShape,
  LOGICAL_UNIT_KEYS,
  NAMED_UNIT_KEYS,
} from "./schema.ts";

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

/** Units that were checked. Configurations are values: what was right once stays so, and is not checked again. */
const checked = new WeakSet<object>();
const acrossParts = z.custom<Config>(() => true).superRefine(checkAcross);

/** Notes that a configuration was read and found right. */
export function noteChecked({ logicalUnits, adapters }: Config): void {
  for (const unit of logicalUnits) checked.add(unit);
  for (const adapter of adapters) for (const unit of adapter.logicalUnits) checked.add(unit);
}

/**
 * A configuration in the form in which files have it, without what goes without saying.
 * @throws ConfigError when it would not be read again
 */
export function configDocument(config: Config): ConfigInput {
  const document = documentOf(config, () => true);
  if (!isRight(config)) checkConfig(document, "configuration");
  noteChecked(config);
  return document;
}

/** Whether it would be read again. Of units only those are looked at that nobody has checked before. */
function isRight(config: Config): boolean {
  const fresh = documentOf(config, (unit) => !checked.has(unit));
  return configShape.safeParse(fresh).success && acrossParts.safeParse(config).success;
}

/** The document with those units that `which` picks. What a unit is made of is written as it is: only sizes are codecs. */
function documentOf(config: Config, which: (unit: object) => boolean): ConfigInput {
  const { logicalUnits, adapters } = config;
  const bare = { ...config, logicalUnits: [], adapters: adapters.map((adapter) => ({ ...adapter, logicalUnits: [] })) };
  const result = z.safeEncode(configShape, bare);
  if (!result.success) throw problems(result.error, config, "configuration");
  const units = <Unit extends object>(list: readonly Unit[] = [], keys: readonly string[]) =>
    list.filter(which).map((unit) => withoutDefaults(unit, keys) as Unit);
  return {
    ...result.data,
    logicalUnits: units(logicalUnits, NAMED_UNIT_KEYS),
    adapters: (result.data.adapters ?? []).map((adapter, index) => ({
      ...adapter,
      logicalUnits: units(adapters[index]?.logicalUnits, LOGICAL_UNIT_KEYS),
    })),
  };
}

/** The text of a configuration file. @throws ConfigError */
export function configText(config: Config): string {
  return `${JSON.stringify(configDocument(config), null, 2)}\n`;
}

/** What there is to tell of a unit, in the order of its keys. */
function withoutDefaults(unit: object, keys: readonly string[]): object {
  return Object.fromEntries(
    keys
      .map((key) => [key, Reflect.get(unit, key)] as const)
      .filter(([key, value]) => value !== undefined && UNIT_DEFAULTS[key] !== value),
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
