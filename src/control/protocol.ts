/** JSON-RPC 2.0 on the control socket: one message a line, UTF-8. */
export interface Request {
  jsonrpc: "2.0";
  /** Without one it is a notification: it is carried out and not answered. */
  id?: RequestId;
  method: string;
  params?: unknown;
}

export type RequestId = number | string | null;

/** Either a result or an error. */
export interface Answer {
  jsonrpc: "2.0";
  id: RequestId;
  result?: unknown;
  error?: ErrorObject;
}

export interface ErrorObject {
  code: number;
  message: string;
  /** `code`: which error of ours it is ("VSCSI_PLACE"), or the errno ("EBUSY"). */
  data?: { code: string };
}

/** What the daemon says unasked, to those who asked for it. */
export interface Notification {
  jsonrpc: "2.0";
  method: string;
  params: unknown;
}

// [JSON-RPC 2.0] 5.1.
export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;
/** The daemon can't do what it was asked; the message says why. */
export const REFUSED = -32000;

/** Longest line that the daemon reads, in UTF-16 units: a longer one is refused and its connection closed. */
export const REQUEST_LINE_MAX = 1 << 20;
/** Longest line that a client reads. */
export const ANSWER_LINE_MAX = 64 << 20;
