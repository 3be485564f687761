import { type Command, CommandTable } from "../command.ts";
import { COPY_COMMANDS } from "../copy/commands.ts";
import { MEDIUM_COMMANDS } from "../medium-commands.ts";
import { PRIMARY_COMMANDS } from "../primary/commands.ts";
import { blockCommands } from "./block-commands.ts";
import type { Disk } from "./disk.ts";
import { ERASE_COMMANDS } from "./erase/commands.ts";
import { TRANSFER_COMMANDS } from "./transfer-commands.ts";

/** What a disk has that some commands need. */
export interface DiskFeatures {
  /** It lets go of blocks. */
  readonly thin: boolean;
  /** What it keeps outlives the daemon. */
  readonly keepsState: boolean;
}

/** One table for each kind of disk, made when the first one asks for it. */
const TABLES = new Map<string, CommandTable<Disk>>();

/**
 * Commands of a disk, and `further` ones that its maker adds. A new one of every disk is a handler in a file of this folder, and a row beside its
 * like.
 * @throws RangeError when one of `further` is there already
 */
export function diskCommands(features: DiskFeatures, further?: readonly Command<Disk>[]): CommandTable<Disk> {
  const table = ownCommands(features);
  return further === undefined ? table : table.with(further);
}

function ownCommands({ thin, keepsState }: DiskFeatures): CommandTable<Disk> {
  const kind = `${thin} ${keepsState}`;
  const known = TABLES.get(kind);
  if (known !== undefined) return known;
  const rows: readonly Command<Disk>[] = [
    ...PRIMARY_COMMANDS,
    ...MEDIUM_COMMANDS,
    ...TRANSFER_COMMANDS,
    ...blockCommands(thin),
    ...ERASE_COMMANDS,
    ...COPY_COMMANDS,
  ];
  const has = { provisioning: thin, state: keepsState };
  const table = new CommandTable(rows.filter(({ needs }) => needs === undefined || has[needs]));
  TABLES.set(kind, table);
  return table;
}
