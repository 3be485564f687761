/**
 * The core for Node, Deno and Bun, which read the module from the package.
 * @module vscsi-target/core/node
 */
import type { CoreExports } from "./exports.ts";
import type { SharedMemory } from "./shared-memory.ts";
import { createTwin } from "./twin/twin.ts";
import { loadWasmCore, type WasmBuild } from "./wasm.ts";

export type { WasmBuild };

export type CoreKind = "wasm" | "js";

/**
 * The core of the given kind on `memory`; `build` tells which of the WebAssembly builds.
 * @throws CoreModuleError
 */
export function loadCore(memory: SharedMemory, kind: CoreKind, build?: WasmBuild): CoreExports {
  if (kind === "js") return createTwin(memory);
  const core = loadWasmCore(memory, build);
  memory.copyWith(core);
  return core;
}
