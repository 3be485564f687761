import {
  CRQ_COMMAND,
  CRQ_ENTRY_SIZE,
  CRQ_FORMAT,
  CRQ_FORMAT_MESSAGE,
  CRQ_INITIALIZATION,
  CRQ_PING_RESPONSE,
  CRQ_STATUS,
} from "../abi/crq.ts";

/** Writes an initialization entry (INIT or INIT COMPLETE). */
export function writeInit(bytes: Uint8Array, at: number, format: number): void {
  bytes.fill(0, at, at + CRQ_ENTRY_SIZE);
  bytes[at] = CRQ_INITIALIZATION;
  bytes[at + CRQ_FORMAT] = format;
}

/** Writes a message in CRQ: a ping when `code` says so, else the answer to one. The code goes into the status field. */
export function writePing(bytes: Uint8Array, at: number, code: number): void {
  bytes.fill(0, at, at + CRQ_ENTRY_SIZE);
  bytes[at] = CRQ_COMMAND;
  bytes[at + CRQ_FORMAT] = CRQ_FORMAT_MESSAGE;
  bytes[at + CRQ_STATUS] = code || CRQ_PING_RESPONSE;
}
