import { isDeviceBackend, openDevice } from "../backends/open-device.ts";
import type { Log } from "../core/log.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import { CommandFilter } from "../scsi/passthrough/command-filter.ts";
import { commandTimeouts } from "../scsi/passthrough/command-timeouts.ts";
import { DeviceError } from "../scsi/passthrough/device-error.ts";
import { readProfile } from "../scsi/passthrough/device-profile.ts";
import { PassThroughUnit } from "../scsi/passthrough/passthrough-unit.ts";
import type { UnitConfig } from "./logical-units.ts";

/** Opens the device of a unit whose commands pass through, and asks it what it is. @throws DeviceError */
export async function openPassThroughUnit(
  { backend, passThrough = {}, readOnly, vendor, product, revision }: UnitConfig,
  { memory, log }: { memory: SharedMemory; log: Log },
): Promise<PassThroughUnit> {
  if (backend === undefined || !isDeviceBackend(backend)) throw new DeviceError("no device to pass commands to");
  const { timeout, queueDepth, filter } = passThrough;
  const device = await openDevice(backend, { memory, log, queueDepth });
  try {
    const profile = await readProfile(device, memory);
    const { peripheralDeviceType } = profile;
    return new PassThroughUnit({
      device,
      profile,
      filter: new CommandFilter({ ...filter, readOnly, peripheralDeviceType }),
      timeouts: commandTimeouts(peripheralDeviceType, timeout),
      strings: { vendor, product, revision },
      readOnly,
      log,
    });
  } catch (error) {
    await device.close();
    throw error;
  }
}
