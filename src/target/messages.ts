import {
  CRQ_COMMAND,
  CRQ_ENTRY_SIZE,
  CRQ_FORMAT,
  CRQ_FORMAT_AIX,
  CRQ_FORMAT_LINUX,
  CRQ_FORMAT_MESSAGE,
  CRQ_FORMAT_OS400,
  CRQ_HEADER,
  CRQ_INITIALIZATION,
  CRQ_PING,
  CRQ_STATUS,
} from "../abi/crq.ts";

/** LoPAR's prose puts a message's code into the third byte, its tables into the status field. [protocol] 2.5. */
const MESSAGE_CODE_ELSEWHERE = 2;

/** Writes an initialization entry (INIT or INIT COMPLETE). */
export function writeInit(bytes: Uint8Array, at: number, format: number): void {
  bytes.fill(0, at, at + CRQ_ENTRY_SIZE);
  bytes[at + CRQ_HEADER] = CRQ_INITIALIZATION;
  bytes[at + CRQ_FORMAT] = format;
}

/** Writes a message in CRQ (PING or PING RESPONSE), its code in the status field. */
export function writeMessage(bytes: Uint8Array, at: number, code: number): void {
  bytes.fill(0, at, at + CRQ_ENTRY_SIZE);
  bytes[at + CRQ_HEADER] = CRQ_COMMAND;
  bytes[at + CRQ_FORMAT] = CRQ_FORMAT_MESSAGE;
  bytes[at + CRQ_STATUS] = code;
}

/** True if the message in CRQ at `at` asks whether we live. */
export function isPing(view: DataView, at: number): boolean {
  return view.getUint8(at + CRQ_STATUS) === CRQ_PING || view.getUint8(at + MESSAGE_CODE_ELSEWHERE) === CRQ_PING;
}

/** True for the formats that belong to one operating system: nobody uses them, older targets ignore them. [protocol] 2.2. */
export function isPrivateFormat(view: DataView, at: number): boolean {
  const format = view.getUint8(at + CRQ_FORMAT);
  const isPrivate = format === CRQ_FORMAT_OS400 || format === CRQ_FORMAT_AIX || format === CRQ_FORMAT_LINUX;
  return view.getUint8(at + CRQ_HEADER) === CRQ_COMMAND && isPrivate;
}
