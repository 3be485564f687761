import { connect } from "node:net";
import type { Answer, Request } from "./protocol.ts";

/** The daemon could not be asked, or refused. */
export class ControlError extends Error {
  readonly code = "VSCSI_CONTROL";
}

/** How long a daemon may take to answer, in milliseconds, unless the method may take longer. */
const ANSWER_TIMEOUT = 5_000;

/**
 * Asks the daemon behind a control socket.
 * @returns the result as the daemon gave it
 * @throws ControlError when nobody listens, nothing comes back in time, or the daemon answers with an error
 */
export function callDaemon(path: string, method: string, params?: unknown, timeout = ANSWER_TIMEOUT): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = "";
    const fail = (reason: string) => {
      socket.destroy();
      reject(new ControlError(reason));
    };
    socket.setEncoding("utf8");
    socket.setTimeout(timeout, () => fail(`${path}: the daemon did not answer within ${timeout / 1000} s`));
    socket.on("connect", () => {
      const request: Request = { jsonrpc: "2.0", id: 1, method, ...(params === undefined ? {} : { params }) };
      socket.write(`${JSON.stringify(request)}\n`);
    });
    socket.on("error", (error) =>
      fail(
        `${path}: no daemon answers (${error.message}); start one with "vscsi serve", or name its socket with --control`,
      ),
    );
    socket.on("close", () => fail(`${path}: the daemon closed the connection`));
    socket.on("data", (chunk: string) => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end < 0) return;
      socket.removeAllListeners("close");
      socket.destroy();
      const answer: Answer = JSON.parse(text.slice(0, end));
      if (answer.error) reject(new ControlError(answer.error.message));
      else resolve(answer.result);
    });
  });
}
