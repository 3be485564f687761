import { EXTENDED_COPY, PERIPHERAL_CD_DVD, PERIPHERAL_DIRECT_ACCESS, VPD_SUPPORTED_PAGES } from "../../abi/scsi.ts";
import { ascii } from "../ascii.ts";
import type { DeviceServer } from "../device-server.ts";
import { answerWith, invalidField } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16 } from "../task-access.ts";
import type { VitalProductDataPage } from "../vital-product-data.ts";

const EVPD = 0x01;
const REMOVABLE_MEDIUM = 0x80;
const VERSION_SPC_4 = 0x06;
const RESPONSE_FORMAT_2 = 0x02;
/** TPGS 11b: access states change by themselves and by SET TARGET PORT GROUPS. [SPC-4] 6.6.2. */
const TPGS_IMPLICIT_AND_EXPLICIT = 0x30;
/** NORMACA: the unit establishes an ACA condition for commands with NACA. */
const NORMAL_ACA = 0x20;
const COMMAND_QUEUING = 0x02;
/** 3PC: the unit manages third-party copies. */
const THIRD_PARTY_COPY = 0x08;
const STANDARD_LENGTH = 36;
/** Vendor-specific bytes that hold the serial number, where AIX looks for it. [protocol] 5.2. */
const VENDOR_SPECIFIC_LENGTH = 20;
const VERSION_DESCRIPTORS = 58;
const STANDARD_WITH_DESCRIPTORS = 96;

// Version descriptors, all without a revision. [SPC-4] table 150.
const SAM_5 = 0x00a0;
const SPC_4 = 0x0460;
const COMMAND_SET: ReadonlyMap<number, number> = new Map([
  [PERIPHERAL_DIRECT_ACCESS, 0x04c0], // SBC-3
  [PERIPHERAL_CD_DVD, 0x04e0], // MMC-6
]);
/** By PROTOCOL IDENTIFIER of the port. [SPC-4] 7.6.1. */
const TRANSPORT: ReadonlyMap<number, number> = new Map([
  [4, 0x0940], // SRP
  [5, 0x0960], // iSCSI
]);

/** INQUIRY. [SPC-4] 6.6. */
export function inquiry(unit: DeviceServer, task: ScsiTask) {
  const page = cdb8(task, 2);
  const vital = (cdb8(task, 1) & EVPD) !== 0;
  const data = vital ? vitalPage(unit, task, page) : page === 0 ? standardInquiry(unit, task) : undefined;
  if (data === undefined) return invalidField(task, 2);
  answerWith(task, data, cdb16(task, 3));
}

function standardInquiry(unit: DeviceServer, task: ScsiTask): Uint8Array {
  const { identity, peripheralDeviceType, removable, portGroups, commands } = unit;
  const data = new Uint8Array(STANDARD_WITH_DESCRIPTORS);
  data[0] = peripheralDeviceType;
  data[1] = removable ? REMOVABLE_MEDIUM : 0;
  data[2] = VERSION_SPC_4;
  data[3] = NORMAL_ACA | RESPONSE_FORMAT_2;
  data[4] = data.length - 5;
  data[5] =
    (portGroups.asymmetric ? TPGS_IMPLICIT_AND_EXPLICIT : 0) |
    (commands.withOpcode(EXTENDED_COPY).length > 0 ? THIRD_PARTY_COPY : 0);
  data[7] = COMMAND_QUEUING;
  data.set(ascii(identity.vendor, 8), 8);
  data.set(ascii(identity.product, 16), 16);
  data.set(ascii(identity.revision, 4), 32);
  data.set(ascii(identity.serial, VENDOR_SPECIFIC_LENGTH), STANDARD_LENGTH);
  const claimed = [
    SAM_5,
    SPC_4,
    COMMAND_SET.get(peripheralDeviceType),
    TRANSPORT.get(task.nexus.port.protocolIdentifier),
  ];
  const view = new DataView(data.buffer);
  for (const [index, code] of claimed.entries()) view.setUint16(VERSION_DESCRIPTORS + index * 2, code ?? 0);
  return data;
}

/** A page with its header. Page 00 lists those that the unit has now. [SPC-4] 7.8. */
function vitalPage(unit: DeviceServer, task: ScsiTask, page: number): Uint8Array | undefined {
  const body =
    page === VPD_SUPPORTED_PAGES
      ? supportedPages(unit, task)
      : unit.vitalProductData.find((row) => row.page === page)?.body(unit, task);
  if (body === undefined) return undefined;
  const data = new Uint8Array(4 + body.length);
  data[0] = unit.peripheralDeviceType;
  data[1] = page;
  new DataView(data.buffer).setUint16(2, body.length);
  data.set(body, 4);
  return data;
}

function supportedPages(unit: DeviceServer, task: ScsiTask): Uint8Array {
  const rows: readonly VitalProductDataPage[] = unit.vitalProductData;
  const there = rows.filter((row) => row.body(unit, task) !== undefined).map(({ page }) => page);
  return Uint8Array.from([VPD_SUPPORTED_PAGES, ...there]);
}
