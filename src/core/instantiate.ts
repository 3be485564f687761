import { CORE_ABI_VERSION } from "../abi/records.ts";
import type { CoreExports } from "./exports.ts";
import type { LinearMemory } from "./shared-memory.ts";

/** The module is missing or of another version. */
export class CoreModuleError extends Error {
  readonly code = "VSCSI_CORE_MODULE";
}

/** Where the package has its modules; `build/core.wasm` needs shared memory and SIMD, the portable one neither. */
export const moduleUrls: { readonly core: URL; readonly portable: URL } = {
  core: new URL("../../build/core.wasm", import.meta.url),
  portable: new URL("../../build/core.portable.wasm", import.meta.url),
};

/**
 * Instantiates the core on a memory. Reading or fetching the module is the caller's: see {@link moduleUrls}.
 * @param module bytes of `core.wasm` or `core.portable.wasm`, or the `WebAssembly.Module` compiled of them
 * @param memory shared for `core.wasm`, not shared for `core.portable.wasm`
 * @throws CoreModuleError when it is another version's module; WebAssembly.CompileError for what is no module or needs what the
 * runtime lacks; WebAssembly.LinkError when the memory does not fit
 */
export async function instantiate(
  module: Uint8Array | ArrayBuffer | object,
  memory: LinearMemory,
): Promise<CoreExports> {
  const isBytes = module instanceof Uint8Array || module instanceof ArrayBuffer;
  const compiled = isBytes ? await WebAssembly.compile(module) : (module as WebAssembly.Module);
  return checkedExports(new WebAssembly.Instance(compiled, { env: { memory } }).exports, "the module");
}

/** @throws CoreModuleError unless the exports are those of this version */
export function checkedExports(exports: Record<string, unknown>, name: string): CoreExports {
  const core = exports as unknown as CoreExports;
  const version = typeof core.abi_version === "function" ? core.abi_version() : "none";
  if (version !== CORE_ABI_VERSION)
    throw new CoreModuleError(
      `${name} has ABI version ${version}, this package needs ${CORE_ABI_VERSION}: take both from one release`,
    );
  return core;
}
