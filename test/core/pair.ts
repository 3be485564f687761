import { loadCore } from "../../src/core/core.ts";
import type { CoreExports } from "../../src/core/exports.ts";
import { Side, type SideOptions } from "./side.ts";

/** The WebAssembly core and its twin, given the same bytes and the same calls. */
export class Pair {
  readonly wasm: Side;
  readonly twin: Side;

  constructor(options: SideOptions = {}) {
    this.wasm = new Side((memory) => loadCore(memory, "wasm"), options);
    this.twin = new Side((memory) => loadCore(memory, "js"), options);
  }

  /** Calls both cores. @throws Error unless they agree */
  call(what: string, run: (core: CoreExports) => number): number {
    const expected = run(this.wasm.core);
    const found = run(this.twin.core);
    if (expected !== found) throw new Error(`${what}: wasm gives ${expected}, the twin ${found}`);
    return expected;
  }

  write(address: number, bytes: Uint8Array): void {
    this.wasm.memory.u8.set(bytes, address);
    this.twin.memory.u8.set(bytes, address);
  }

  set(address: number, value: number): void {
    this.wasm.set(address, value);
    this.twin.set(address, value);
  }

  setTce(ioPage: number, low: number, high: number): void {
    this.wasm.setTce(ioPage, low, high);
    this.twin.setTce(ioPage, low, high);
  }

  /** Raised as the host does after a change of the window, and never the same twice. */
  #generation = 0;
  newGeneration(field: number): void {
    this.set(field, ++this.#generation);
  }

  /** @throws Error when a guard was touched or the memories differ */
  check(): void {
    for (const side of [this.wasm, this.twin])
      if (!side.guardsIntact()) throw new Error("a page that is not mapped for writing was written");
    const wasm = this.wasm.bytes();
    const twin = this.twin.bytes();
    if (wasm.equals(twin)) return;
    const at = wasm.findIndex((byte, index) => byte !== twin[index]);
    throw new Error(`the memories differ at offset ${at} of what is laid out: ${wasm[at]}, the twin ${twin[at]}`);
  }
}
