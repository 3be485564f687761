import type { DeviceServer } from "./device-server.ts";
import type { ScsiTask } from "./task.ts";

/** One vital product data page. `Unit` is the kind of device server that has it. [SPC-4] 7.8. */
export interface VitalProductDataPage<Unit extends DeviceServer = DeviceServer> {
  readonly page: number;
  /** What follows the page's four-byte header; undefined when this unit has no such page. A method, as in `Command`. */
  body(unit: Unit, task: ScsiTask): Uint8Array | undefined;
}

/** Header and body of a page. [SPC-4] 7.8.1. */
export function vitalProductData(peripheral: number, page: number, body: Uint8Array): Uint8Array {
  const data = new Uint8Array(4 + body.length);
  data[0] = peripheral;
  data[1] = page;
  new DataView(data.buffer).setUint16(2, body.length);
  data.set(body, 4);
  return data;
}
