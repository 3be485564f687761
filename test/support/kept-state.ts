import type { UnitState } from "../../src/scsi/unit-state.ts";

/** What a unit keeps, in a test's memory: the next unit that is given it is that unit after a restart. */
export class KeptState implements UnitState {
  readonly kept = new Map<string, Uint8Array>();

  load(name: string): Uint8Array | undefined {
    return this.kept.get(name);
  }

  save(name: string, bytes: Uint8Array): void {
    this.kept.set(name, bytes.slice());
  }
}
