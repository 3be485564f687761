import {
  ACCESS_CONTROL_IN,
  ACCESS_CONTROL_OUT,
  ATA_PASS_THROUGH_12,
  ATA_PASS_THROUGH_16,
  ATA_PASS_THROUGH_32,
  COMPARE,
  COPY,
  COPY_AND_VERIFY,
  DOWNLOAD_MICROCODE_MODES,
  FIRST_VENDOR_SPECIFIC,
  FORMAT_WITH_PRESET,
  REMOVE_ELEMENT_AND_TRUNCATE,
  RESTORE_ELEMENTS_AND_REBUILD,
  SECURITY_PROTOCOL_OUT,
  VARIABLE_LENGTH_CDB,
} from "../../abi/passthrough.ts";
import {
  EXTENDED_COPY,
  FORMAT_UNIT,
  MAINTENANCE_OUT,
  PERIPHERAL_CD_DVD,
  PERSISTENT_RESERVE_IN,
  PERSISTENT_RESERVE_OUT,
  RECEIVE_COPY_RESULTS,
  RELEASE_6,
  RELEASE_10,
  RESERVE_6,
  RESERVE_10,
  SANITIZE,
  SERVICE_ACTION_IN_16,
  WRITE_BUFFER,
} from "../../abi/scsi.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16 } from "../task-access.ts";
import { isReadOnlyCommand } from "./read-only-commands.ts";

/** An operation code, or some service actions (or modes, which stand in the same bits) of one. */
interface Selection {
  readonly opcode: number;
  readonly actions?: readonly number[];
  /** MMC gives the operation code another meaning. */
  readonly notOptical?: true;
}

const opcodes = (...codes: number[]): Selection[] => codes.map((opcode) => ({ opcode }));

/** What a guest must not do to a real device unless its configuration allows it; docs/passthrough.md says why. */
export const COMMAND_CLASSES = {
  /** Every guest comes to the device as the same initiator: what one has reserved keeps no other one away. */
  reservations: opcodes(RESERVE_6, RELEASE_6, RESERVE_10, RELEASE_10, PERSISTENT_RESERVE_IN, PERSISTENT_RESERVE_OUT),
  microcode: [{ opcode: WRITE_BUFFER, actions: DOWNLOAD_MICROCODE_MODES }],
  format: [
    ...opcodes(FORMAT_UNIT, FORMAT_WITH_PRESET),
    { opcode: SERVICE_ACTION_IN_16, actions: [REMOVE_ELEMENT_AND_TRUNCATE, RESTORE_ELEMENTS_AND_REBUILD] },
  ],
  sanitize: [{ opcode: SANITIZE, notOptical: true }],
  /** Third-party copies name devices by themselves, other ones than this among them. */
  copy: opcodes(COPY, COMPARE, COPY_AND_VERIFY, EXTENDED_COPY, RECEIVE_COPY_RESULTS),
  /** Target port groups, identifying information, aliases, clocks: of a device that others use too. */
  management: [{ opcode: MAINTENANCE_OUT, notOptical: true }, ...opcodes(ACCESS_CONTROL_IN, ACCESS_CONTROL_OUT)],
  /** Locks and cryptographic erasure of drives that encrypt themselves. */
  security: opcodes(SECURITY_PROTOCOL_OUT),
  /** Every ATA command: microcode, secure erase and power among them. */
  ata: [
    { opcode: ATA_PASS_THROUGH_12, notOptical: true },
    ...opcodes(ATA_PASS_THROUGH_16),
    { opcode: VARIABLE_LENGTH_CDB, actions: [ATA_PASS_THROUGH_32] },
  ],
  vendor: opcodes(
    ...Array.from({ length: 0x100 - FIRST_VENDOR_SPECIFIC }, (_, index) => FIRST_VENDOR_SPECIFIC + index),
  ),
} as const satisfies Record<string, readonly Selection[]>;

export type CommandClass = keyof typeof COMMAND_CLASSES;
export const COMMAND_CLASS_NAMES = Object.keys(COMMAND_CLASSES) as CommandClass[];

/** An entry of a configured list: a class, an operation code "0x4c", or a service action of one "0xa4/0x0a". */
const ENTRY = /^0x([0-9a-fA-F]{1,2})(?:\/0x([0-9a-fA-F]{1,4}))?$/;

/** True for what `FilterLists` may hold. */
export function isFilterEntry(text: string): boolean {
  return Object.hasOwn(COMMAND_CLASSES, text) || ENTRY.test(text);
}

/** What a configuration changes: `refuse` counts more than `allow`, and both more than the classes. */
export interface FilterLists {
  readonly allow?: readonly string[] | undefined;
  readonly refuse?: readonly string[] | undefined;
}

interface FilterOptions extends FilterLists {
  /** Only commands that are known to change nothing go through. */
  readonly readOnly?: boolean;
  readonly peripheralDeviceType: number;
}

/** What becomes of one operation code. */
interface Verdict {
  refused: boolean;
  /** Of service actions for which it is otherwise. */
  readonly actions: Map<number, boolean>;
}

/** How a command was refused: the operation code as such, or its service action or mode. */
export const FILTER_PASSES = 0;
export const FILTER_REFUSES_COMMAND = 1;
export const FILTER_REFUSES_ACTION = 2;
export const FILTER_WRITE_PROTECTS = 3;

/** Which commands may reach a device. */
export class CommandFilter {
  readonly #verdicts: readonly Verdict[];
  readonly #readOnly: boolean;
  readonly #peripheralDeviceType: number;

  /** @throws RangeError for an entry that `isFilterEntry` does not take */
  constructor({ allow = [], refuse = [], readOnly = false, peripheralDeviceType }: FilterOptions) {
    this.#readOnly = readOnly;
    this.#peripheralDeviceType = peripheralDeviceType;
    this.#verdicts = Array.from({ length: 256 }, () => ({ refused: false, actions: new Map() }));
    const optical = peripheralDeviceType === PERIPHERAL_CD_DVD;
    const classes = COMMAND_CLASS_NAMES.flatMap((name) => selected(name));
    this.#setAll(
      classes.filter(({ notOptical }) => !(optical && notOptical)),
      true,
    );
    this.#setAll(allow.flatMap(selected), false);
    this.#setAll(refuse.flatMap(selected), true);
  }

  /** One of FILTER_*. */
  judge(task: ScsiTask): number {
    const opcode = cdb8(task, 0);
    if (this.#readOnly && !isReadOnlyCommand(opcode, this.#peripheralDeviceType)) return FILTER_WRITE_PROTECTS;
    const verdict = this.#verdicts[opcode];
    if (verdict === undefined) return FILTER_REFUSES_COMMAND;
    if (verdict.actions.size === 0) return verdict.refused ? FILTER_REFUSES_COMMAND : FILTER_PASSES;
    const refused = verdict.actions.get(actionOf(task, opcode)) ?? verdict.refused;
    if (!refused) return FILTER_PASSES;
    return verdict.refused ? FILTER_REFUSES_COMMAND : FILTER_REFUSES_ACTION;
  }

  #setAll(selections: readonly Selection[], refused: boolean): void {
    for (const { opcode, actions } of selections) {
      const verdict = this.#verdicts[opcode];
      if (actions !== undefined) for (const action of actions) verdict?.actions.set(action, refused);
      else if (verdict !== undefined) {
        verdict.refused = refused;
        verdict.actions.clear();
      }
    }
  }
}

/** SERVICE ACTION, or MODE of the buffer commands, which stands in the same bits. [SPC-4] 4.2.5.2, 4.2.3. */
function actionOf(task: ScsiTask, opcode: number): number {
  return opcode === VARIABLE_LENGTH_CDB ? cdb16(task, 8) : cdb8(task, 1) & 0x1f;
}

function selected(entry: string): readonly Selection[] {
  if (Object.hasOwn(COMMAND_CLASSES, entry)) return COMMAND_CLASSES[entry as CommandClass];
  const [, opcode, action] = ENTRY.exec(entry) ?? [];
  if (opcode === undefined) throw new RangeError(`${entry}: neither a class of commands nor an operation code`);
  const selection = { opcode: Number.parseInt(opcode, 16) };
  return [action === undefined ? selection : { ...selection, actions: [Number.parseInt(action, 16)] }];
}
