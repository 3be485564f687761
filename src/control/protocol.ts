/** JSON-RPC 2.0 on the control socket: one request or answer a line, UTF-8. */
export interface Request {
  jsonrpc: "2.0";
  id: number | string | null;
  method: string;
  params?: unknown;
}

export interface Answer {
  jsonrpc: "2.0";
  id: number | string | null;
  result?: unknown;
  error?: { code: number; message: string };
}

export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INTERNAL_ERROR = -32603;
/** The daemon can't do what it was asked; the message says why. */
export const REFUSED = -32000;

/** A longer line is refused and its connection closed. */
export const LINE_MAX = 1 << 20;
