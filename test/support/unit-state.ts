import type { UnitState } from "../../src/scsi/unit-state.ts";

/** State that outlives the unit, as far as the test goes; `failure` makes saving fail. */
export class MemoryState implements UnitState {
  readonly kept = new Map<string, Uint8Array>();
  failure: Error | undefined;

  load(name: string): Uint8Array | undefined {
    return this.kept.get(name);
  }

  save(name: string, bytes: Uint8Array): void {
    if (this.failure !== undefined) throw this.failure;
    this.kept.set(name, Uint8Array.from(bytes));
  }
}
