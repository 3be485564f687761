/**
 * The core alone, for programs and runtimes of any kind: nothing here touches Node or the operating system.
 * `docs/core-abi.md` describes the functions and records.
 * @module vscsi-target/core
 */
export * as crq from "../abi/crq.ts";
export * as mad from "../abi/mad.ts";
export * as papr from "../abi/papr.ts";
export * as records from "../abi/records.ts";
export * as srp from "../abi/srp.ts";
export { type AdapterRecordOptions, AdapterRecords } from "./adapter-records.ts";
export type { CoreExports } from "./exports.ts";
export { CoreModuleError, instantiate, moduleUrls } from "./instantiate.ts";
export { type LinearMemory, OutOfLinearMemory, SharedMemory } from "./shared-memory.ts";
export { createTwin } from "./twin/twin.ts";
