import {
  SRP_CMD,
  SRP_CMD_CDB,
  SRP_CMD_DATA_IN_COUNT,
  SRP_CMD_DATA_OUT_COUNT,
  SRP_CMD_FORMATS,
  SRP_CMD_LENGTH,
  SRP_CMD_TASK_ATTRIBUTE,
  SRP_DESCRIPTOR_DIRECT,
  SRP_DESCRIPTOR_INDIRECT,
  SRP_DIRECT_ADDRESS,
  SRP_DIRECT_BYTES,
  SRP_DIRECT_LENGTH,
  SRP_FORMAT_DIRECT,
  SRP_FORMAT_INDIRECT,
  SRP_I_LOGOUT,
  SRP_I_LOGOUT_LENGTH,
  SRP_INDIRECT_ADDRESS,
  SRP_INDIRECT_LENGTH,
  SRP_INDIRECT_TABLE_BYTES,
  SRP_INDIRECT_TOTAL,
  SRP_IU_MAX,
  SRP_LOGIN_FORMATS,
  SRP_LOGIN_IU_LENGTH,
  SRP_LOGIN_REQ,
  SRP_LOGIN_REQ_LENGTH,
  SRP_LUN,
  SRP_RSP_DATA,
  SRP_RSP_DATA_IN_RESIDUAL,
  SRP_RSP_DATA_LENGTH,
  SRP_RSP_DATA_OUT_RESIDUAL,
  SRP_RSP_FLAGS,
  SRP_RSP_RSPVALID,
  SRP_RSP_SENSE_LENGTH,
  SRP_RSP_SNSVALID,
  SRP_RSP_STATUS,
  SRP_TAG,
  SRP_TSK_FUNCTION,
  SRP_TSK_MGMT,
  SRP_TSK_MGMT_LENGTH,
  SRP_TSK_TASK_TAG,
} from "../abi/srp.ts";
import type { DmaSegment } from "./dma.ts";

/** Where the low half of a command's buffer formats byte is shifted for data-out. */
const DATA_OUT_SHIFT = 4;

/** A command as it goes into an IU. */
export interface CommandIu {
  readonly tag: bigint;
  readonly lun: bigint;
  readonly cdb: Uint8Array;
  readonly taskAttribute: number;
  readonly direction: "in" | "out";
  /** The buffer: none, one for a direct descriptor, more for an indirect table. */
  readonly segments: readonly DmaSegment[];
  /** IOBA of the indirect table. */
  readonly table: number;
  /** How many of the table's entries also stand in the IU. */
  readonly inline: number;
  /** Count byte of a direct descriptor. */
  readonly directCount: number;
}

/** Offset of an indirect descriptor's inline entries: where a table that fits the IU lies. */
export const INLINE_TABLE = SRP_CMD_LENGTH + SRP_INDIRECT_LENGTH;

/** Writes a CMD. [SRP] r16a 6.9. @returns its length */
export function writeCommand(view: DataView, at: number, command: CommandIu): number {
  clear(view, at);
  view.setUint8(at, SRP_CMD);
  view.setBigUint64(at + SRP_TAG, command.tag);
  view.setBigUint64(at + SRP_LUN, command.lun);
  view.setUint8(at + SRP_CMD_TASK_ATTRIBUTE, command.taskAttribute);
  for (const [index, byte] of command.cdb.entries()) view.setUint8(at + SRP_CMD_CDB + index, byte);
  const [first] = command.segments;
  if (!first) return SRP_CMD_LENGTH;
  const indirect = command.segments.length > 1;
  const format = indirect ? SRP_DESCRIPTOR_INDIRECT : SRP_DESCRIPTOR_DIRECT;
  const out = command.direction === "out";
  view.setUint8(at + SRP_CMD_FORMATS, out ? format << DATA_OUT_SHIFT : format);
  const inline = command.segments.slice(0, command.inline);
  view.setUint8(
    at + (out ? SRP_CMD_DATA_OUT_COUNT : SRP_CMD_DATA_IN_COUNT),
    indirect ? inline.length : command.directCount,
  );
  const descriptor = at + SRP_CMD_LENGTH;
  if (!indirect) {
    writeDescriptors(view, descriptor, [first]);
    return SRP_CMD_LENGTH + SRP_DIRECT_LENGTH;
  }
  writeIoba(view, descriptor + SRP_INDIRECT_ADDRESS, command.table);
  view.setUint32(descriptor + SRP_INDIRECT_TABLE_BYTES, command.segments.length * SRP_DIRECT_LENGTH);
  view.setUint32(
    descriptor + SRP_INDIRECT_TOTAL,
    command.segments.reduce((sum, segment) => sum + segment.length, 0),
  );
  writeDescriptors(view, at + INLINE_TABLE, inline);
  return INLINE_TABLE + inline.length * SRP_DIRECT_LENGTH;
}

/** Writes direct descriptors one after the other: an indirect table. */
export function writeDescriptors(view: DataView, at: number, segments: readonly DmaSegment[]): void {
  for (const [index, { ioba, length }] of segments.entries()) {
    const entry = at + index * SRP_DIRECT_LENGTH;
    writeIoba(view, entry + SRP_DIRECT_ADDRESS, ioba);
    view.setUint32(entry + SRP_DIRECT_BYTES, length);
  }
}

/** Writes a LOGIN_REQ. [SRP] r16a 6.2. @returns its length */
export function writeLogin(view: DataView, at: number, tag: bigint): number {
  clear(view, at);
  view.setUint8(at, SRP_LOGIN_REQ);
  view.setBigUint64(at + SRP_TAG, tag);
  view.setUint32(at + SRP_LOGIN_IU_LENGTH, SRP_IU_MAX);
  view.setUint16(at + SRP_LOGIN_FORMATS, SRP_FORMAT_DIRECT | SRP_FORMAT_INDIRECT);
  return SRP_LOGIN_REQ_LENGTH;
}

/** Writes an I_LOGOUT. [SRP] r16a 6.5. @returns its length */
export function writeLogout(view: DataView, at: number, tag: bigint): number {
  clear(view, at);
  view.setUint8(at, SRP_I_LOGOUT);
  view.setBigUint64(at + SRP_TAG, tag);
  return SRP_I_LOGOUT_LENGTH;
}

/** Writes a TSK_MGMT. [SRP] r16a 6.7. @returns its length */
export function writeTaskManagement(
  view: DataView,
  at: number,
  tag: bigint,
  lun: bigint,
  taskFunction: number,
  taskTag: bigint,
): number {
  clear(view, at);
  view.setUint8(at, SRP_TSK_MGMT);
  view.setBigUint64(at + SRP_TAG, tag);
  view.setBigUint64(at + SRP_LUN, lun);
  view.setUint8(at + SRP_TSK_FUNCTION, taskFunction);
  view.setBigUint64(at + SRP_TSK_TASK_TAG, taskTag);
  return SRP_TSK_MGMT_LENGTH;
}

/** An RSP, taken apart. */
export interface ResponseIu {
  readonly type: number;
  readonly status: number;
  readonly flags: number;
  readonly dataOutResidual: number;
  readonly dataInResidual: number;
  readonly sense: Uint8Array;
  /** Code of a task management answer; `undefined` without RSPVALID. */
  readonly responseCode: number | undefined;
}

/** Reads an RSP as Linux does: sense at offset 36 whatever the response length. [SRP] r16a 6.10. */
export function readResponse(view: DataView, at: number): ResponseIu {
  const flags = view.getUint8(at + SRP_RSP_FLAGS);
  const room = SRP_IU_MAX - SRP_RSP_DATA;
  const senseLength = flags & SRP_RSP_SNSVALID ? Math.min(view.getUint32(at + SRP_RSP_SENSE_LENGTH), room) : 0;
  const responds = (flags & SRP_RSP_RSPVALID) !== 0 && view.getUint32(at + SRP_RSP_DATA_LENGTH) >= 4;
  return {
    type: view.getUint8(at),
    status: view.getUint8(at + SRP_RSP_STATUS),
    flags,
    dataOutResidual: view.getUint32(at + SRP_RSP_DATA_OUT_RESIDUAL),
    dataInResidual: view.getUint32(at + SRP_RSP_DATA_IN_RESIDUAL),
    sense: new Uint8Array(view.buffer, at + SRP_RSP_DATA, senseLength).slice(),
    responseCode: responds ? view.getUint32(at + SRP_RSP_DATA) : undefined,
  };
}

function writeIoba(view: DataView, at: number, ioba: number): void {
  view.setUint32(at, Math.floor(ioba / 2 ** 32));
  view.setUint32(at + 4, ioba % 2 ** 32);
}

function clear(view: DataView, at: number): void {
  for (let offset = 0; offset < SRP_IU_MAX; offset += 8) view.setBigUint64(at + offset, 0n);
}
