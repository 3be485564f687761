import type { CoreExports } from "./exports.ts";
import type { SharedMemory } from "./shared-memory.ts";
import { createTwin } from "./twin/twin.ts";
import { loadWasmCore } from "./wasm.ts";

export type CoreKind = "wasm" | "js";

/** The core of the given kind on `memory`. @throws CoreModuleError */
export function loadCore(memory: SharedMemory, kind: CoreKind): CoreExports {
  return kind === "wasm" ? loadWasmCore(memory) : createTwin(memory);
}
