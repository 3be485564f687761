import { ISCSI_PORT } from "../../abi/iscsi.ts";
import { DeviceError } from "../../scsi/passthrough/device-error.ts";

/** Where an iSCSI target listens, and which of its logical units is meant. */
export interface IscsiAddress {
  readonly host: string;
  readonly port: number;
  /** Name of the target. */
  readonly target: string;
  /** 0 to 16383. */
  readonly lun: number;
  /** CHAP name and secret, where the URL has them. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** As it was given, without the secret: for people. */
  readonly text: string;
}

/** As libiscsi writes it. A secret may hold anything but "@". */
const URL =
  /^iscsi:\/\/(?:([^@%/]*)(?:%([^@]*))?@)?(\[[0-9A-Fa-f:.]+\]|[^[\]:/@?]+)(?::([0-9]{1,5}))?\/([!-.0-~]{1,223})\/([0-9]{1,5})$/;
/** What the flat space addressing method can name. [SAM-5] 4.7.7.3. */
const LUN_MAXIMUM = 0x3fff;
const PORT_MAXIMUM = 0xffff;
const PERIPHERAL_MAXIMUM = 0xff;
const METHOD_FLAT = 0x40;
export const LUN_LENGTH = 8;
const FORM = '"iscsi://[user[%secret]@]host[:port]/target-name/lun"';

/** Takes an iSCSI URL apart. @throws DeviceError */
export function parseIscsiUrl(url: string): IscsiAddress {
  const [, user, password, host = "", portText, target = "", lunText] = URL.exec(url) ?? [];
  const shown = withoutSecret(url);
  if (target === "")
    throw new DeviceError(`${shown}: is no iSCSI URL: ${FORM}; all else is told beside it in the configuration`);
  const lun = Number(lunText);
  const port = portText === undefined ? ISCSI_PORT : Number(portText);
  if (lun > LUN_MAXIMUM) throw new DeviceError(`${shown}: names LUN ${lun}; LUNs are 0 to ${LUN_MAXIMUM}`);
  if (port === 0 || port > PORT_MAXIMUM)
    throw new DeviceError(`${shown}: names port ${port}; ports are 1 to ${PORT_MAXIMUM}`);
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port, target, lun, user, password, text: shown };
}

/** The URL with its secret hidden, be it right or wrong. */
function withoutSecret(url: string): string {
  return url.replace(/%[^@]*@/, "%***@");
}

/** A LUN as initiators write it: peripheral addressing up to 255, flat space above. [SAM-5] 4.7.7.2, 4.7.7.3. */
export function lunBytes(lun: number): Uint8Array {
  const bytes = new Uint8Array(LUN_LENGTH);
  bytes[0] = lun > PERIPHERAL_MAXIMUM ? METHOD_FLAT | (lun >> 8) : 0;
  bytes[1] = lun & 0xff;
  return bytes;
}

/**
 * Where a target sends its initiators: "host", "host:port" and a portal group tag that does not matter to them.
 * [RFC 7143] 13.8. @returns undefined when it makes no sense
 */
export function parseTargetAddress(text: string): { host: string; port: number } | undefined {
  const [, host, port] =
    /^(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]{1,255})(?::([0-9]{1,5}))?(?:,[0-9]{1,5})?$/.exec(text) ?? [];
  const number = port === undefined ? ISCSI_PORT : Number(port);
  if (host === undefined || number === 0 || number > PORT_MAXIMUM) return undefined;
  return { host: host.replace(/^\[(.*)\]$/, "$1"), port: number };
}
