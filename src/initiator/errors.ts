/** Why a request has no answer. `refused`: H_SEND_CRQ's code is in `result`. */
export type FailureReason = "reset" | "suspended" | "closed" | "timed-out" | "aborted" | "rejected" | "refused";

/** A request that ended without the server's answer; Linux's DID_ERROR, DID_RESET, DID_ABORT and their like. */
export class RequestFailed extends Error {
  readonly code = "VSCSI_REQUEST_FAILED";
  readonly reason: FailureReason;
  /** An H_* return code, or the reason word of a login reject. */
  readonly result: number | undefined;

  constructor(reason: FailureReason, result?: number) {
    super(`the request ended without an answer: ${reason}${result === undefined ? "" : ` (${result})`}`);
    this.reason = reason;
    this.result = result;
  }
}
