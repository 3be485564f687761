import { constants as osConstants } from "node:os";
import * as SG from "../../abi/sg.ts";
import type { DeviceOutcome } from "../../scsi/passthrough/scsi-device.ts";

const { EAGAIN, EBUSY, EDOM, EINTR, ENODEV, ENOMEM, ENXIO } = osConstants.errno;

/** A call that the kernel did not make a command of. The others are refusals: EINVAL, EPERM … */
const BY_ERRNO: ReadonlyMap<number, DeviceOutcome> = new Map([
  [EAGAIN, "busy"],
  [EBUSY, "busy"],
  [EDOM, "busy"], // sg: its queue is full
  [ENOMEM, "busy"],
  [EINTR, "lost"],
  [ENODEV, "lost"],
  [ENXIO, "lost"],
]);

/** By host_status; those that are missing come with a status of the device, or mean that its answer was lost. */
const BY_HOST_STATUS: ReadonlyMap<number, DeviceOutcome> = new Map([
  [SG.DID_OK, "answered"],
  [SG.DID_NO_CONNECT, "lost"],
  [SG.DID_BUS_BUSY, "busy"],
  [SG.DID_TIME_OUT, "timed out"],
  [SG.DID_BAD_TARGET, "lost"],
  [SG.DID_ABORT, "aborted"],
  [SG.DID_RESET, "aborted"],
  [SG.DID_SOFT_ERROR, "busy"],
  [SG.DID_IMM_RETRY, "busy"],
  [SG.DID_REQUEUE, "busy"],
  [SG.DID_TRANSPORT_DISRUPTED, "lost"],
  [SG.DID_TRANSPORT_FAILFAST, "lost"],
]);

/** How a call ended that the kernel refused. @param errno positive */
export function outcomeOfErrno(errno: number): DeviceOutcome {
  return BY_ERRNO.get(errno) ?? "refused";
}

/** How a command ended. The kernel marks some of those that the device itself has failed, too: what that has said counts. */
export function outcomeOf(hostStatus: number, driverStatus: number, status: number): DeviceOutcome {
  const host = BY_HOST_STATUS.get(hostStatus);
  if (host !== undefined && host !== "answered") return host;
  if (status !== 0) return "answered";
  const driver = driverStatus & SG.DRIVER_STATUS_MASK;
  if (driver === SG.DRIVER_TIMEOUT) return "timed out";
  if (driver === SG.DRIVER_BUSY) return "busy";
  return host ?? "lost";
}
