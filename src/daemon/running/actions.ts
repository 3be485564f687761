import type { AdapterConfig, Config, NamedUnitConfig } from "../../config/schema.ts";
import type { PlannedChange } from "../../control/results.ts";
import { type ExactPlace, placeName } from "../places.ts";
import type { ShownUnitConfig } from "../shared-units.ts";

export type GuestConfig = Config["guests"][number];

/**
 * One step from what runs to what shall run. Each has its inverse, so that those which were made can be taken back when a
 * later one fails.
 */
export type Action =
  | { readonly do: "add-guest" | "remove-guest" | "start-guest" | "stop-guest"; readonly guest: GuestConfig }
  | { readonly do: "change-guest"; readonly from: GuestConfig; readonly to: GuestConfig }
  | { readonly do: "add-unit" | "remove-unit"; readonly unit: NamedUnitConfig }
  | { readonly do: "change-unit"; readonly from: NamedUnitConfig; readonly to: NamedUnitConfig }
  | { readonly do: "add-adapter" | "remove-adapter"; readonly adapter: AdapterConfig }
  | { readonly do: "start-adapter" | "stop-adapter"; readonly adapter: AdapterConfig }
  | { readonly do: "change-adapter"; readonly from: AdapterConfig; readonly to: AdapterConfig }
  | { readonly do: "show" | "hide"; readonly place: ExactPlace; readonly shown: ShownUnitConfig }
  | {
      readonly do: "change-shown";
      readonly place: ExactPlace;
      readonly from: ShownUnitConfig;
      readonly to: ShownUnitConfig;
    }
  | { readonly do: "log"; readonly from: Config["log"]; readonly to: Config["log"] };

type ActionName = Action["do"];

const INVERSE: Readonly<Record<ActionName, ActionName>> = {
  "add-guest": "remove-guest",
  "remove-guest": "add-guest",
  "start-guest": "stop-guest",
  "stop-guest": "start-guest",
  "change-guest": "change-guest",
  "add-unit": "remove-unit",
  "remove-unit": "add-unit",
  "change-unit": "change-unit",
  "add-adapter": "remove-adapter",
  "remove-adapter": "add-adapter",
  "start-adapter": "stop-adapter",
  "stop-adapter": "start-adapter",
  "change-adapter": "change-adapter",
  show: "hide",
  hide: "show",
  "change-shown": "change-shown",
  log: "log",
};

/** What takes an action back. */
export function inverse(action: Action): Action {
  const opposite = "from" in action ? { ...action, from: action.to, to: action.from } : action;
  return { ...opposite, do: INVERSE[action.do] } as Action;
}

/** Tells an action; undefined for one that is part of another. */
export function describeAction(action: Action): PlannedChange | undefined {
  switch (action.do) {
    case "add-guest":
    case "remove-guest":
      return addOrRemove(action.do, `guest ${action.guest.name}`, action.guest.socket);
    case "add-unit":
    case "remove-unit":
      return addOrRemove(action.do, `unit ${action.unit.name}`, unitDetail(action.unit));
    case "add-adapter":
    case "remove-adapter":
      return addOrRemove(action.do, adapterName(action.adapter), `${action.adapter.requestLimit} requests`);
    case "show":
    case "hide":
      return addOrRemove(action.do, placeName(action.place), unitDetail(action.shown));
    case "change-guest":
      return changed(`guest ${action.to.name}`, action);
    case "change-unit":
      return changed(`unit ${action.to.name}`, action);
    case "change-adapter":
      return changed(adapterName(action.to), action);
    case "change-shown":
      return changed(placeName(action.place), action);
    case "log":
      return changed("log", action);
    case "start-guest":
    case "stop-guest":
    case "start-adapter":
    case "stop-adapter":
      return undefined;
  }
}

function addOrRemove(name: ActionName, what: string, detail: string): PlannedChange {
  return { change: name.startsWith("add") || name === "show" ? "add" : "remove", what, detail };
}

function changed(what: string, { from, to }: { from: object; to: object }): PlannedChange {
  return { change: "change", what, detail: differences(from, to) };
}

function adapterName({ guest, unitAddress }: AdapterConfig): string {
  return `adapter ${guest === undefined ? "" : `${guest}@`}0x${unitAddress.toString(16)}`;
}

function unitDetail({ unit, backend, type }: ShownUnitConfig): string {
  if (unit !== undefined) return `unit ${unit}`;
  return backend === undefined ? `${type}, empty` : `${type}, ${JSON.stringify(backend)}`;
}

function differences(from: object, to: object): string {
  return Object.keys({ ...from, ...to })
    .filter(
      (key) =>
        key !== "logicalUnits" && JSON.stringify(Reflect.get(from, key)) !== JSON.stringify(Reflect.get(to, key)),
    )
    .map(
      (key) =>
        `${key} ${JSON.stringify(Reflect.get(from, key)) ?? "none"} → ${JSON.stringify(Reflect.get(to, key)) ?? "none"}`,
    )
    .join(", ");
}
