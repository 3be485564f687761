import type { z } from "zod";
import type { removeParameters } from "../config/operations-schema.ts";
import { UsageError } from "./errors.ts";

type PlaceInput = z.input<typeof removeParameters>["place"];

export const PLACE_HELP = `
PLACE names a logical unit:
  disk1                            a unit of "logicalUnits" by its name
  0x71000003/2                     target 2, LUN 0 of an adapter; /2.1: LUN 1; /0.2.1: bus 0, target 2, LUN 1
  guest@0x71000003/2               where several guests have such an adapter
  iqn.2026-11.net.vscsi:disks/0    a LUN of an iSCSI target
`;

/** Reads a place as PLACE_HELP has it. @throws UsageError */
export function parsePlace(text: string): PlaceInput {
  const slash = text.lastIndexOf("/");
  if (slash < 0) return { unit: text };
  const owner = text.slice(0, slash);
  const address = text.slice(slash + 1);
  if (!/^\d+(\.\d+){0,2}$/.test(address)) throw unclear(text);
  const numbers = address.split(".").map(Number);
  const adapter = /^(?:(?<guest>[\w.-]+)@)?(?<unitAddress>0x[0-9a-fA-F]{1,8})$/.exec(owner)?.groups;
  if (adapter === undefined) {
    const [lun] = numbers;
    if (numbers.length !== 1 || lun === undefined) throw unclear(text);
    return { iscsiTarget: owner, lun };
  }
  const { guest, unitAddress = "" } = adapter;
  const [first = 0, second = 0, third = 0] = numbers;
  const unit = numbers.length === 3 ? { bus: first, target: second, lun: third } : { target: first, lun: second };
  return { adapter: unitAddress, ...(guest !== undefined && { guest }), ...unit };
}

function unclear(text: string): UsageError {
  return new UsageError(`${text}: no place of a logical unit${PLACE_HELP.trimEnd()}`);
}
