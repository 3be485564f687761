import { ConfigError } from "../../config/config-error.ts";
import { same } from "../../config/same.ts";
import type { AdapterConfig, Config } from "../../config/schema.ts";
import { lunKey } from "../../scsi/lun.ts";
import type { UnitConfig } from "../logical-units.ts";
import { type ExactPlace, placeName } from "../places.ts";
import type { ShownUnitConfig } from "../shared-units.ts";
import type { Action } from "./actions.ts";

/** A unit in its place. */
interface Shown {
  readonly place: ExactPlace;
  readonly unit: ShownUnitConfig;
}

/** What an entry of two lists is in each of them. */
interface Difference<Entry> {
  readonly from: Entry | undefined;
  readonly to: Entry | undefined;
}

/**
 * The actions that lead from one configuration to another, in an order in which each is possible: what leaves goes first,
 * so that an image is free for who has it next. What is the same in both is not touched.
 * @throws ConfigError when the daemon would have to be started anew
 */
export function plan(current: Config, next: Config): Action[] {
  refuseFixed(current, next);
  return actionsBetween(current, next);
}

/** The actions of a plan, whatever is fixed. */
export function actionsBetween(current: Config, next: Config): Action[] {
  const guests = differences(current.guests, next.guests, ({ name }) => name);
  const units = differences(current.logicalUnits, next.logicalUnits, ({ name }) => name);
  const adapters = differences(current.adapters, next.adapters, adapterName);
  const shown = differences(allShown(current), allShown(next), ({ place }) => placeName(place));
  // What is made anew takes what stands on it along.
  const newGuests = new Set(
    changed(guests)
      .filter(({ from, to }) => from.socket !== to.socket)
      .map(({ from }) => from.name),
  );
  const isNew = ({ from, to }: Difference<AdapterConfig>) =>
    from === undefined || to === undefined || newGuests.has(to.guest ?? "") || from.requestLimit !== to.requestLimit;
  const renewedAdapters = new Set(adapters.filter(isNew).map(({ from, to }) => adapterName(from ?? to)));
  const renewedUnits = new Set(
    changed(units)
      .filter(({ from, to }) => !changesInPlace(from, to))
      .map(({ from }) => from.name),
  );
  const renewed = ({ place, unit }: Shown) =>
    renewedUnits.has(unit.unit ?? "") || ("unitAddress" in place && renewedAdapters.has(adapterName(place)));
  const stays = ({ from, to }: Difference<Shown>) =>
    from !== undefined && to !== undefined && !renewed(to) && !renewed(from) && changesInPlace(from.unit, to.unit);
  const moved = shown.filter((entry) => !stays(entry));
  const movedGuests = guests.filter(({ from, to }) => !from || !to || newGuests.has(from.name));
  const remade = adapters.filter(isNew);
  const reopened = units.filter(({ from, to }) => !from || !to || renewedUnits.has(from.name));
  return [
    ...movedGuests.flatMap(({ from }) => (from ? [{ do: "stop-guest", guest: from } as const] : [])),
    ...remade.flatMap(({ from }) => (from ? [{ do: "stop-adapter", adapter: from } as const] : [])),
    ...moved.flatMap(({ from }) => (from ? [{ do: "hide", place: from.place, shown: from.unit } as const] : [])),
    ...remade.flatMap(({ from }) => (from ? [{ do: "remove-adapter", adapter: from } as const] : [])),
    ...reopened.flatMap(({ from }) => (from ? [{ do: "remove-unit", unit: from } as const] : [])),
    ...movedGuests.flatMap(({ from }) => (from ? [{ do: "remove-guest", guest: from } as const] : [])),
    ...movedGuests.flatMap(({ to }) => (to ? [{ do: "add-guest", guest: to } as const] : [])),
    ...reopened.flatMap(({ to }) => (to ? [{ do: "add-unit", unit: to } as const] : [])),
    ...changed(guests)
      .filter(({ from }) => !newGuests.has(from.name))
      .map(({ from, to }) => ({ do: "change-guest", from, to }) as const),
    ...changed(units)
      .filter(({ from }) => !renewedUnits.has(from.name))
      .map(({ from, to }) => ({ do: "change-unit", from, to }) as const),
    ...remade.flatMap(({ to }) => (to ? [{ do: "add-adapter", adapter: to } as const] : [])),
    ...changed(adapters)
      .filter((entry) => !isNew(entry) && entry.from.maxTransfer !== entry.to.maxTransfer)
      .map(({ from, to }) => ({ do: "change-adapter", from, to }) as const),
    ...moved.flatMap(({ to }) => (to ? [{ do: "show", place: to.place, shown: to.unit } as const] : [])),
    ...remade.flatMap(({ to }) => (to ? [{ do: "start-adapter", adapter: to } as const] : [])),
    ...movedGuests.flatMap(({ to }) => (to ? [{ do: "start-guest", guest: to } as const] : [])),
    ...changed(shown.filter(stays)).map(
      ({ from, to }) => ({ do: "change-shown", place: to.place, from: from.unit, to: to.unit }) as const,
    ),
    ...(same(current.log, next.log) ? [] : [{ do: "log", from: current.log, to: next.log } as const]),
  ];
}

/** A configuration with nothing in it that comes and goes: what a daemon begins with. */
export function withoutUnits(config: Config): Config {
  const { iscsi } = config;
  const targets = iscsi?.targets.map((target) => ({ ...target, luns: [] })) ?? [];
  return { ...config, guests: [], logicalUnits: [], adapters: [], ...(iscsi && { iscsi: { ...iscsi, targets } }) };
}

/** Another medium in a drive that can change it, another size of memory, write protection: the unit stays what it is. One that passes commands through is opened anew for whatever changes. */
function changesInPlace(from: UnitConfig, to: UnitConfig): boolean {
  if (from.type === "passthrough" || to.type === "passthrough") return same(from, to);
  const alike = same({ ...from, backend: undefined, readOnly: false }, { ...to, backend: undefined, readOnly: false });
  if (!alike) return false;
  return (
    same(from.backend, to.backend) ||
    isOtherSize(from.backend, to.backend) ||
    from.type === "optical" ||
    from.removable === true
  );
}

/** The same memory, of another size. */
export function isOtherSize(from: UnitConfig["backend"], to: UnitConfig["backend"]): boolean {
  return from?.type === "memory" && to?.type === "memory" && same({ ...from, size: 0 }, { ...to, size: 0 });
}

/** Every unit that clients see, where they see it. */
function allShown({ adapters, iscsi }: Config): Shown[] {
  const ofAdapters = adapters.flatMap(({ guest, unitAddress, logicalUnits }) =>
    logicalUnits
      .filter(({ active }) => active)
      .map((unit) => ({ place: { guest, unitAddress, key: lunKey(unit) }, unit })),
  );
  const ofTargets = (iscsi?.targets ?? []).flatMap(({ name, luns }) =>
    luns.map((unit) => ({ place: { iscsiTarget: name, key: unit.lun }, unit })),
  );
  return [...ofAdapters, ...ofTargets];
}

function adapterName(adapter: { guest?: string | undefined; unitAddress: number } | undefined): string {
  return `${adapter?.guest ?? ""}@${adapter?.unitAddress}`;
}

/** Pairs the entries of two lists that have the same name. */
function differences<Entry>(
  current: readonly Entry[],
  next: readonly Entry[],
  nameOf: (entry: Entry) => string,
): Difference<Entry>[] {
  const after = new Map(next.map((entry) => [nameOf(entry), entry]));
  const before = new Set(current.map(nameOf));
  const pairs = current.map((from) => ({ from, to: after.get(nameOf(from)) }));
  return [...pairs, ...next.filter((to) => !before.has(nameOf(to))).map((to) => ({ from: undefined, to }))];
}

/** Those that are in both, and not the same. */
function changed<Entry>(entries: readonly Difference<Entry>[]): { from: Entry; to: Entry }[] {
  return entries.flatMap(({ from, to }) =>
    from === undefined || to === undefined || same(from, to) ? [] : [{ from, to }],
  );
}

/** What is decided when the daemon starts: everything but what {@link actionsBetween} deals with. */
function fixedParts({ $schema, guests, adapters, logicalUnits, iscsi, log, ...fixed }: Config): object {
  const targets = iscsi?.targets.map((target) => ({ ...target, luns: undefined }));
  return {
    ...fixed,
    "iscsi.portals": iscsi?.portals,
    "iscsi.limits": iscsi?.limits,
    "iscsi.targets": targets,
    // Port groups name adapters by their place in the list.
    adapters: fixed.portGroups.length > 0 ? adapters.map(adapterName) : undefined,
  };
}

function refuseFixed(current: Config, next: Config): void {
  const before = fixedParts(current);
  const wanted = fixedParts(next);
  const keys = Object.keys({ ...before, ...wanted }).filter(
    (key) => !same(Reflect.get(before, key), Reflect.get(wanted, key)),
  );
  if (keys.length > 0)
    throw new ConfigError(
      keys.map((key) => `${key}: can't be changed while the daemon runs: start it anew`).join("\n"),
    );
}
