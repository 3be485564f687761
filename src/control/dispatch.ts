import type { Log } from "../core/log.ts";
import type { Caller, MethodHandler, Methods } from "./method.ts";
import {
  type Answer,
  type ErrorObject,
  INTERNAL_ERROR,
  INVALID_PARAMS,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  PARSE_ERROR,
  REFUSED,
  type Request,
  type RequestId,
} from "./protocol.ts";

/** What of a caller does not depend on the request. */
export type Connection = Omit<Caller, "method">;

/** Requests and batches in one batch at most. */
const BATCH_MAX = 256;
/** Code of the error that parameters earn which don't fit. */
const PARAMETERS_DO_NOT_FIT = "VSCSI_CONFIG";

/** Carries out requests. [JSON-RPC 2.0]. */
export class Dispatcher {
  readonly #methods: Methods;
  readonly #log: Log;

  constructor(methods: Methods, log: Log) {
    this.#methods = methods;
    this.#log = log;
  }

  /** Carries out one line: a request, or a batch of them. @returns undefined when nothing is to be answered */
  async line(line: string, connection: Connection): Promise<Answer | Answer[] | undefined> {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      return failure(null, { code: PARSE_ERROR, message: "not JSON" });
    }
    if (!Array.isArray(message)) return this.#request(message, connection);
    if (message.length === 0 || message.length > BATCH_MAX)
      return failure(null, { code: INVALID_REQUEST, message: `a batch holds 1 to ${BATCH_MAX} requests` });
    const answers = await Promise.all(message.map((request) => this.#request(request, connection)));
    const given = answers.filter((answer) => answer !== undefined);
    return given.length > 0 ? given : undefined;
  }

  async #request(message: unknown, connection: Connection): Promise<Answer | undefined> {
    if (!isRequest(message)) {
      const text = 'a request is {"jsonrpc":"2.0","id":…,"method":"…","params":…}';
      return failure(idOf(message), { code: INVALID_REQUEST, message: text });
    }
    const answer = await this.#answer(message, connection);
    return message.id === undefined ? undefined : answer;
  }

  async #answer({ id = null, method, params }: Request, connection: Connection): Promise<Answer> {
    const handle = this.#handler(method);
    if (!handle) {
      const known = Object.keys(this.#methods).join(", ");
      return failure(id, { code: METHOD_NOT_FOUND, message: `no method ${method}; there are: ${known}` });
    }
    try {
      const result = await handle(params, { method, ...connection });
      return { jsonrpc: "2.0", id, result: result ?? null };
    } catch (error) {
      return failure(id, this.#errorObject(method, error));
    }
  }

  #handler(name: string): MethodHandler | undefined {
    const method = Object.hasOwn(this.#methods, name) ? this.#methods[name] : undefined;
    return typeof method === "object" ? method.handle : method;
  }

  #errorObject(method: string, error: unknown): ErrorObject {
    if (error instanceof Error && "code" in error && typeof error.code === "string") {
      const { message, code } = error;
      this.#log.warn({ method, error: message }, "control method refused");
      return { code: code === PARAMETERS_DO_NOT_FIT ? INVALID_PARAMS : REFUSED, message, data: { code } };
    }
    this.#log.error({ method, err: error }, "control method failed");
    return { code: INTERNAL_ERROR, message: error instanceof Error ? error.message : String(error) };
  }
}

function isRequest(message: unknown): message is Request {
  return (
    typeof message === "object" &&
    message !== null &&
    "jsonrpc" in message &&
    message.jsonrpc === "2.0" &&
    "method" in message &&
    typeof message.method === "string" &&
    (!("id" in message) || isId(message.id)) &&
    (!("params" in message) || (typeof message.params === "object" && message.params !== null))
  );
}

function isId(id: unknown): id is RequestId {
  return id === null || typeof id === "string" || typeof id === "number";
}

function idOf(message: unknown): RequestId {
  const id = typeof message === "object" && message !== null && "id" in message ? message.id : null;
  return isId(id) ? id : null;
}

function failure(id: RequestId, error: ErrorObject): Answer {
  return { jsonrpc: "2.0", id, error };
}
