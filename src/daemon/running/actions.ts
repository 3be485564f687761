import type { AdapterConfig, Config, LogicalUnitConfig, NamedUnitConfig } from "../../config/schema.ts";
import { type ExactPlace, placeName } from "../places.ts";
import type { ShownUnitConfig } from "../shared-units.ts";

export type GuestConfig = Config["guests"][number];

/**
 * One step from what runs to what shall run. Each has its inverse, so that those which were made can be taken back when a
 * later one fails.
 */
export type Action =
  | { readonly do: "add-guest" | "remove-guest"; readonly guest: GuestConfig }
  | { readonly do: "add-unit" | "remove-unit"; readonly unit: NamedUnitConfig }
  | { readonly do: "change-unit"; readonly from: NamedUnitConfig; readonly to: NamedUnitConfig }
  | { readonly do: "add-adapter" | "remove-adapter"; readonly adapter: AdapterConfig }
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
  "add-unit": "remove-unit",
  "remove-unit": "add-unit",
  "change-unit": "change-unit",
  "add-adapter": "remove-adapter",
  "remove-adapter": "add-adapter",
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

/** What an action does, for people and programs. */
export interface PlannedChange {
  readonly change: "add" | "remove" | "change";
  /** "guest lpar1", "unit disk1", "adapter 0x71000003", "0x71000003/2.0". */
  readonly what: string;
  readonly detail: string;
}

/** Tells an action. */
export function describeAction(action: Action): PlannedChange {
  const change = action.do.startsWith("change") || action.do === "log" ? "change" : addsOrRemoves(action.do);
  switch (action.do) {
    case "add-guest":
    case "remove-guest":
      return { change, what: `guest ${action.guest.name}`, detail: action.guest.socket };
    case "add-unit":
    case "remove-unit":
      return { change, what: `unit ${action.unit.name}`, detail: unitDetail(action.unit) };
    case "change-unit":
      return { change, what: `unit ${action.to.name}`, detail: differences(action.from, action.to) };
    case "add-adapter":
    case "remove-adapter":
      return { change, what: adapterName(action.adapter), detail: `${action.adapter.requestLimit} requests` };
    case "change-adapter":
      return { change, what: adapterName(action.to), detail: differences(action.from, action.to) };
    case "show":
    case "hide":
      return { change, what: placeName(action.place), detail: unitDetail(action.shown) };
    case "change-shown":
      return { change, what: placeName(action.place), detail: differences(action.from, action.to) };
    case "log":
      return { change, what: "log", detail: differences(action.from, action.to) };
  }
}

function addsOrRemoves(name: ActionName): "add" | "remove" {
  return name.startsWith("add") || name === "show" ? "add" : "remove";
}

function adapterName({ guest, unitAddress }: AdapterConfig): string {
  return `adapter ${guest === undefined ? "" : `${guest}@`}0x${unitAddress.toString(16)}`;
}

function unitDetail({ unit, backend, type }: ShownUnitConfig | LogicalUnitConfig): string {
  if (unit !== undefined) return `unit ${unit}`;
  return backend === undefined ? `${type}, empty` : `${type}, ${JSON.stringify(backend)}`;
}

function differences(from: object, to: object): string {
  return Object.keys({ ...from, ...to })
    .filter((key) => key !== "logicalUnits" && JSON.stringify(Reflect.get(from, key)) !== JSON.stringify(Reflect.get(to, key)))
    .map((key) => `${key} ${JSON.stringify(Reflect.get(from, key)) ?? "none"} → ${JSON.stringify(Reflect.get(to, key)) ?? "none"}`)
    .join(", ");
}
