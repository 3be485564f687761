import {
  ALL_SUBPAGES,
  MODE_PAGE_ALL,
  VPD_DEVICE_IDENTIFICATION,
  VPD_EXTENDED_INQUIRY_DATA,
  VPD_MANAGEMENT_NETWORK_ADDRESSES,
  VPD_MODE_PAGE_POLICY,
  VPD_UNIT_SERIAL_NUMBER,
} from "../../abi/scsi.ts";
import { ascii } from "../ascii.ts";
import type { DeviceServer } from "../device-server.ts";
import { SENSE_LENGTH_MOST } from "../sense-data.ts";
import type { VitalProductDataPage } from "../vital-product-data.ts";
import { deviceIdentification } from "./designators.ts";

const EXTENDED_INQUIRY_LENGTH = 60;
/** HEADSUP, ORDSUP, SIMPSUP: the task attributes that the task set knows. */
const TASK_ATTRIBUTES = 0x07;
/** V_SUP: there is a volatile cache, that of the host. */
const VOLATILE_CACHE = 0x01;

/** Offsets are those of the body, behind the page's header. [SPC-4] 7.8.7. */
function extendedInquiry(): Uint8Array {
  const data = new Uint8Array(EXTENDED_INQUIRY_LENGTH);
  data[1] = TASK_ATTRIBUTES;
  data[2] = VOLATILE_CACHE;
  data[9] = SENSE_LENGTH_MOST;
  return data;
}

/** One policy for all pages and subpages: every port and every nexus sees the same values. [SPC-4] 7.8.9. */
function modePagePolicy(): Uint8Array {
  const SHARED = 0;
  return Uint8Array.from([MODE_PAGE_ALL, ALL_SUBPAGES, SHARED, 0]);
}

function unitSerialNumber({ identity }: DeviceServer): Uint8Array {
  return ascii(identity.serial, identity.serial.length);
}

/** Pages of every kind of logical unit; page 00 lists them. A kind of unit adds its own. [SPC-4] 7.8. */
export const PRIMARY_VITAL_PRODUCT_DATA: readonly VitalProductDataPage[] = [
  { page: VPD_UNIT_SERIAL_NUMBER, body: unitSerialNumber },
  { page: VPD_DEVICE_IDENTIFICATION, body: deviceIdentification },
  // There is no management by network that the unit would know of.
  { page: VPD_MANAGEMENT_NETWORK_ADDRESSES, body: () => new Uint8Array() },
  { page: VPD_EXTENDED_INQUIRY_DATA, body: extendedInquiry },
  { page: VPD_MODE_PAGE_POLICY, body: modePagePolicy },
];
