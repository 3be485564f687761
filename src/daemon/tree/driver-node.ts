import type { Config } from "../../config/schema.ts";
import { emptyAdapter } from "../../config/schema.ts";
import type { Directory, Outcome } from "../../config/tree.ts";
import type { AdapterKey } from "../adapters.ts";
import { outcomeOf, RefusedWrite } from "../errno.ts";
import { findAdapter, withPorts } from "../running/edits.ts";
import { adapterNode } from "./adapter-node.ts";
import { AdapterSubject, type TreeContext } from "./context.ts";

/** Bytes of the largest transfer of an adapter that is made here: the original driver's 512 sectors. */
const MAX_TRANSFER = 512 * 512;

const ACCEPTS =
  "mkdir makes an adapter: its unit address in hexadecimal, with GUEST@ in front for one of several guests; rmdir removes one without active targets";

/** `bus/vio/drivers/ibmvscsis/`: the adapters, by unit address; by guest and unit address where an earlier one has that. */
export function driverNode(context: TreeContext): Directory {
  return {
    kind: "directory",
    doc: { what: "the server adapters, by unit address", accepts: ACCEPTS },
    list: () => names(context.running.config).keys(),
    lookup: (name) => {
      const key = names(context.running.config).get(name);
      return key === undefined ? undefined : adapterNode(new AdapterSubject(context, key));
    },
    make: (name) => make(context, name),
    remove: (name) => remove(context, name),
  };
}

const namesOf = new WeakMap<Config["adapters"], ReadonlyMap<string, AdapterKey>>();

function names({ adapters }: Config): ReadonlyMap<string, AdapterKey> {
  const known = namesOf.get(adapters);
  if (known !== undefined) return known;
  const found = new Map<string, AdapterKey>();
  for (const { guest, unitAddress } of adapters) {
    const address = unitAddress.toString(16);
    found.set(found.has(address) ? `${guest ?? ""}@${address}` : address, { guest, unitAddress });
  }
  namesOf.set(adapters, found);
  return found;
}

function make({ running }: TreeContext, name: string): Promise<Outcome> {
  return outcomeOf(() =>
    running.change((config) => {
      const key = keyOf(name, config);
      if (findAdapter(config, key) !== undefined)
        throw new RefusedWrite("EEXIST", `there is an adapter ${name} already`);
      const { guest, unitAddress } = key;
      const adapter = emptyAdapter({
        unitAddress: `0x${unitAddress.toString(16)}`,
        maxTransfer: MAX_TRANSFER,
        buses: [1],
        ...(guest !== undefined && { guest }),
      });
      const next = withPorts({ ...config, adapters: [...config.adapters, adapter] });
      if (names(next).get(name) === undefined)
        throw new RefusedWrite("EINVAL", `${name}: would be called otherwise: write it with the guest, or without`);
      return next;
    }),
  );
}

/** With a single guest it is that one's adapter; without guests it is that of a partition in this process. */
function keyOf(name: string, { guests }: Config): AdapterKey {
  const { guest, address } = /^(?:(?<guest>[\w.-]*)@)?(?<address>0|[1-9a-f][0-9a-f]{0,7})$/.exec(name)?.groups ?? {};
  if (address === undefined) throw new RefusedWrite("EINVAL", `${name}: no unit address in hexadecimal, in lower case`);
  const [only, ...more] = guests;
  if (guest === undefined)
    return { guest: more.length === 0 ? only?.name : undefined, unitAddress: Number.parseInt(address, 16) };
  if (guest !== "" && !guests.some((other) => other.name === guest))
    throw new RefusedWrite("EINVAL", `${name}: no guest is named ${guest}`);
  return { guest: guest === "" ? undefined : guest, unitAddress: Number.parseInt(address, 16) };
}

function remove({ running }: TreeContext, name: string): Promise<Outcome> {
  return outcomeOf(() =>
    running.change((config) => {
      const key = names(config).get(name);
      const adapter = key && findAdapter(config, key);
      if (adapter === undefined) throw new RefusedWrite("ENOENT", `there is no adapter ${name}`);
      if (adapter.logicalUnits.some(({ active }) => active))
        throw new RefusedWrite("EBUSY", `${name}: a target is active`);
      return { ...config, adapters: config.adapters.filter((other) => other !== adapter) };
    }),
  );
}
