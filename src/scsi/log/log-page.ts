import type { DeviceServer } from "../device-server.ts";

/** A log parameter: its code, its bytes, and how they are to be read. [SPC-4] 7.3.2.2. */
export interface LogParameter {
  readonly code: number;
  /** FORMAT AND LINKING. */
  readonly format: number;
  readonly value: readonly number[];
}

/** FORMAT AND LINKING 11b: a list of bytes. [SPC-4] 7.3.2.2.2. */
export const LIST_BINARY = 0x03;

/** One log page without subpages. [SPC-4] 7.3. */
export interface LogPage {
  readonly page: number;
  /** Name as the standard writes it. */
  readonly name: string;
  /** In the order of their codes. */
  parameters(unit: DeviceServer): readonly LogParameter[];
}
