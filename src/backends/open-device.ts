import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import type { ScsiDevice } from "../scsi/passthrough/scsi-device.ts";
import { type IscsiDeviceBackend, openIscsiDevice } from "./iscsi/open-iscsi-device.ts";
import { SgDevice } from "./sg/sg-device.ts";

/** What each kind of device is told, by its `type`. */
interface DeviceOptions {
  sg: { path: string };
  iscsi: IscsiDeviceBackend;
}

type DeviceType = keyof DeviceOptions;

/** Where a real device is, as the configuration has it. */
export type DeviceBackend = { [Type in DeviceType]: { type: Type } & DeviceOptions[Type] }[DeviceType];

interface DeviceContext {
  memory: SharedMemory;
  log: Log;
  /** Commands that may be with the device at a time; as many as its kind takes by itself when undefined. */
  queueDepth: number | undefined;
}

/** Every way to a device: a new one is a file beside this one, and a line here. */
const OPENERS: {
  [Type in DeviceType]: (options: DeviceOptions[Type], context: DeviceContext) => Promise<ScsiDevice>;
} = {
  sg: (options, context) => SgDevice.open({ ...options, ...context }),
  iscsi: (options, context) => openIscsiDevice(options, context),
};

/** True for what is a device, not the bytes of a medium. */
export function isDeviceBackend(backend: { type: string }): backend is DeviceBackend {
  return Object.hasOwn(OPENERS, backend.type);
}

/** Opens a device. @throws DeviceError */
export async function openDevice<Type extends DeviceType>(
  backend: { type: Type } & DeviceOptions[Type],
  context: DeviceContext,
): Promise<ScsiDevice> {
  return OPENERS[backend.type](backend, context);
}
