import type { AdapterConfig, Config, LogicalUnitConfig, NamedUnitConfig } from "../../config/schema.ts";
import { lunAddress, lunKey } from "../../scsi/lun.ts";
import { type AdapterKey, adapterName } from "../adapters.ts";
import { type ExactPlace, PlaceError, placeName } from "../places.ts";
import { type ShownUnitConfig, UnitNameError } from "../shared-units.ts";

/** Configurations are values: an edit makes a new one that shares what has not changed. */
export type Edit = (config: Config) => Config;

/** The unit of a place, inactive ones among them. */
export function shownAt(config: Config, place: ExactPlace): ShownUnitConfig | undefined {
  if ("iscsiTarget" in place)
    return config.iscsi?.targets
      .find(({ name }) => name === place.iscsiTarget)
      ?.luns.find(({ lun }) => lun === place.key);
  return findAdapter(config, place)?.logicalUnits.find((unit) => lunKey(unit) === place.key);
}

/** Adapters by name. Configurations are values, so that each list needs to be looked through but once. */
const indices = new WeakMap<readonly AdapterConfig[], ReadonlyMap<string, AdapterConfig>>();

export function findAdapter({ adapters }: Config, key: AdapterKey): AdapterConfig | undefined {
  let index = indices.get(adapters);
  if (index === undefined) {
    index = new Map(adapters.map((adapter) => [adapterName(adapter), adapter]));
    indices.set(adapters, index);
  }
  return index.get(adapterName(key));
}

/** Puts a unit in a place, in the stead of what is described there. @throws PlaceError */
export function putShown(place: ExactPlace, unit: ShownUnitConfig): Edit {
  if ("iscsiTarget" in place)
    return editTarget(place, (luns) => [...luns.filter(({ lun }) => lun !== place.key), { ...unit, lun: place.key }]);
  const entry: LogicalUnitConfig = { active: true, ...unit, ...lunAddress(place.key) };
  return editAdapter(place, (adapter) => {
    const at = adapter.logicalUnits.findIndex((other) => lunKey(other) === place.key);
    const logicalUnits = at < 0 ? [...adapter.logicalUnits, entry] : adapter.logicalUnits.with(at, entry);
    return { ...adapter, logicalUnits };
  });
}

/** Describes nothing in a place any more. @throws PlaceError */
export function dropShown(place: ExactPlace): Edit {
  if ("iscsiTarget" in place) return editTarget(place, (luns) => luns.filter(({ lun }) => lun !== place.key));
  return editAdapter(place, (adapter) => ({
    ...adapter,
    logicalUnits: adapter.logicalUnits.filter((unit) => lunKey(unit) !== place.key),
  }));
}

/** @throws PlaceError */
export function editAdapter(key: AdapterKey, change: (adapter: AdapterConfig) => AdapterConfig): Edit {
  return (config) => {
    const adapter = findAdapter(config, key);
    if (adapter === undefined) throw new PlaceError(`there is no adapter 0x${key.unitAddress.toString(16)}`);
    return { ...config, adapters: config.adapters.with(config.adapters.indexOf(adapter), change(adapter)) };
  };
}

/** Gives every adapter that has none the lowest identifier that is free: it keeps it for its life. */
export function withPorts(config: Config): Config {
  const taken = new Set(config.adapters.map(({ relativeTargetPort }) => relativeTargetPort));
  let next = 1;
  const adapters = config.adapters.map((adapter) => {
    if (adapter.relativeTargetPort !== undefined) return adapter;
    while (taken.has(next)) next++;
    taken.add(next);
    return { ...adapter, relativeTargetPort: next };
  });
  return { ...config, adapters };
}

/** What a file declares, with what it leaves to the running daemon: where that listens and keeps its state, its ports. */
export function declared(file: Config, { control, stateDirectory, adapters }: Config): Config {
  const port = (adapter: AdapterConfig) =>
    adapters.find((other) => other.guest === adapter.guest && other.unitAddress === adapter.unitAddress)
      ?.relativeTargetPort;
  return withPorts({
    ...file,
    control: file.control ?? control,
    stateDirectory: file.stateDirectory ?? stateDirectory,
    adapters: file.adapters.map((adapter) => ({
      ...adapter,
      relativeTargetPort: adapter.relativeTargetPort ?? port(adapter),
    })),
  });
}

/** @throws UnitNameError when there is one of that name */
export function addNamed(unit: NamedUnitConfig): Edit {
  return (config) => {
    if (config.logicalUnits.some(({ name }) => name === unit.name))
      throw new UnitNameError(`there is a logical unit named ${unit.name} already`);
    return { ...config, logicalUnits: [...config.logicalUnits, unit] };
  };
}

/** @throws UnitNameError */
export function editNamed(name: string, change: (unit: NamedUnitConfig) => NamedUnitConfig): Edit {
  return (config) => {
    const at = config.logicalUnits.findIndex((unit) => unit.name === name);
    const unit = config.logicalUnits[at];
    if (unit === undefined) throw new UnitNameError(`no logical unit is named ${name}`);
    return { ...config, logicalUnits: config.logicalUnits.with(at, change(unit)) };
  };
}

/** Takes a named unit away, from every place that shows it, too. */
export function dropNamed(name: string): Edit {
  return (config) => ({
    ...config,
    logicalUnits: config.logicalUnits.filter((unit) => unit.name !== name),
    adapters: config.adapters.map((adapter) => ({
      ...adapter,
      logicalUnits: adapter.logicalUnits.filter(({ unit }) => unit !== name),
    })),
    ...(config.iscsi && {
      iscsi: {
        ...config.iscsi,
        targets: config.iscsi.targets.map((target) => ({
          ...target,
          luns: target.luns.filter(({ unit }) => unit !== name),
        })),
      },
    }),
  });
}

type Luns = NonNullable<Config["iscsi"]>["targets"][number]["luns"];

function editTarget(place: Extract<ExactPlace, { iscsiTarget: string }>, change: (luns: Luns) => Luns): Edit {
  return (config) => {
    const { iscsi } = config;
    const at = iscsi?.targets.findIndex(({ name }) => name === place.iscsiTarget) ?? -1;
    const target = iscsi?.targets[at];
    if (iscsi === undefined || target === undefined) throw new PlaceError(`there is no place ${placeName(place)}`);
    return {
      ...config,
      iscsi: { ...iscsi, targets: iscsi.targets.with(at, { ...target, luns: change(target.luns) }) },
    };
  };
}
