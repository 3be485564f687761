import { COPY_COMPLETED, COPY_FAILED, COPY_IN_PROGRESS } from "../../abi/copy.ts";
import { STATUS_CHECK_CONDITION, STATUS_GOOD } from "../../abi/scsi.ts";
import type { Nexus } from "../task.ts";
import type { CopyOperation } from "./copy-operation.ts";
import { RESULTS_MAXIMUM } from "./limits.ts";

/** What an initiator may ask about a copy of its own. */
export class CopyResult {
  readonly #operation: CopyOperation;
  #state: number = COPY_IN_PROGRESS;
  /** Sense data of the failure, until they were fetched. [SPC-4] 6.20 */
  failureSense: Uint8Array | undefined;

  constructor(operation: CopyOperation) {
    this.#operation = operation;
  }

  /** COPY MANAGER STATUS. */
  get state(): number {
    return this.#state;
  }

  get inProgress(): boolean {
    return this.#state === COPY_IN_PROGRESS;
  }

  get segmentsProcessed(): number {
    return this.#operation.segmentsProcessed;
  }

  get bytesWritten(): number {
    return this.#operation.bytesWritten;
  }

  /** Status of the EXTENDED COPY command. */
  get commandStatus(): number {
    return this.#state === COPY_FAILED ? STATUS_CHECK_CONDITION : STATUS_GOOD;
  }

  completed(): void {
    this.#state = COPY_COMPLETED;
  }

  failed(sense: Uint8Array): void {
    this.#state = COPY_FAILED;
    this.failureSense = sense;
  }
}

/** The copies that a unit manages and has managed, by nexus and list identifier. [SPC-4] 5.17.4. */
export class CopyResults {
  readonly #results = new Map<Nexus, Map<number, CopyResult>>();
  /** Copies under way. */
  running = 0;

  find(nexus: Nexus, identifier: number): CopyResult | undefined {
    return this.#results.get(nexus)?.get(identifier);
  }

  /** Keeps a result in place of an older one of the same identifier; the oldest goes when there are too many. */
  keep(nexus: Nexus, identifier: number, result: CopyResult): void {
    const results = this.#results.get(nexus) ?? new Map<number, CopyResult>();
    this.#results.set(nexus, results);
    results.delete(identifier);
    results.set(identifier, result);
    if (results.size <= RESULTS_MAXIMUM) return;
    for (const [oldest, { inProgress }] of results) if (!inProgress) return void results.delete(oldest);
  }

  forget(nexus: Nexus, identifier: number): void {
    this.#results.get(nexus)?.delete(identifier);
  }

  lost(nexus: Nexus): void {
    this.#results.delete(nexus);
  }
}
