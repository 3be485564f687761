import { readFileSync } from "node:fs";
import { instantiateSync } from "@assemblyscript/loader";
import type { CoreExports } from "./exports.ts";
import { CoreModuleError, checkedExports } from "./instantiate.ts";
import type { SharedMemory } from "./shared-memory.ts";

/** Builds of the core: SIMD and shared memory; the same without optimisation; neither SIMD nor shared memory. */
export type WasmBuild = "core" | "core.debug" | "core.portable";

/**
 * Instantiates a WebAssembly build of the core on `memory`.
 * @returns its raw exports: the loader's wrappers would cost five times the call
 * @throws CoreModuleError
 */
export function loadWasmCore(memory: SharedMemory, build: WasmBuild = "core"): CoreExports {
  const file = new URL(`../../build/${build}.wasm`, import.meta.url);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch {
    throw new CoreModuleError(`${file.pathname} is missing: run "npm run build:core"`);
  }
  const { instance } = instantiateSync(bytes, { env: { memory: memory.memory } });
  return checkedExports(instance.exports, file.pathname);
}
