import type { DeviceServer } from "./device-server.ts";
import type { ScsiTask } from "./task.ts";

/** One vital product data page. `Unit` is the kind of device server that has it. [SPC-4] 7.8. */
export interface VitalProductDataPage<Unit extends DeviceServer = DeviceServer> {
  readonly page: number;
  /** What follows the page's four-byte header; undefined when this unit has no such page now. A method, as in `Command`. */
  body(unit: Unit, task: ScsiTask): Uint8Array | undefined;
}
