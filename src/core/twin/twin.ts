import type { CoreExports } from "../exports.ts";
import type { SharedMemory } from "../shared-memory.ts";
export function createTwin(_memory: SharedMemory): CoreExports { throw new Error("not yet"); }
