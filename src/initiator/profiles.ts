import {
  MAD_ADAPTER_INFO,
  MAD_CAPABILITIES,
  MAD_ENABLE_FAST_FAIL,
  OS_TYPE_AIX,
  OS_TYPE_LINUX,
  OS_TYPE_OPEN_FIRMWARE,
  OS_TYPE_OS400,
} from "../abi/mad.ts";

/** The habits of one client operating system, as far as a server can see them. docs: protocol §4.4, §5. */
export interface ClientProfile {
  readonly name: string;
  readonly osType: number;
  /** Bytes of the CRQ that it registers. */
  readonly queueBytes: number;
  /** Whether it negotiates at all; SLOF sends commands right after the handshake. */
  readonly logsIn: boolean;
  /** MADs sent before the login, in order. */
  readonly mads: readonly number[];
  /** Leaves out the MADs after ADAPTER_INFO unless the server answered with this OS type. */
  readonly furtherMadsFor: number | undefined;
  /** IU length in the CRQ entry: always the 256-byte slot, or what the IU really has. */
  readonly iuLength: "slot" | "exact";
  /** Tags: an address in host byte order, a counter, or always 1. */
  readonly tags: "pointer" | "counter" | "one";
  /** Requests in flight at most, whatever the server grants. */
  readonly requestsMaximum: number;
  /** Credits kept back for task management, when the server granted more than these. */
  readonly creditReserve: number;
  /** Adds a credit of its own when it frees an aborted command, beside the one that the server returns. */
  readonly countsAbortedCredit: boolean;
  /** Bytes that one descriptor of a scattered buffer covers. */
  readonly segmentLength: number;
  readonly descriptorsMaximum: number;
  /** Descriptors of an indirect table that also stand in the IU. */
  readonly descriptorsInline: number;
  /** Byte 6 or 7 of a command with a direct descriptor. */
  readonly directCount: number;
  /** Maps data-out without write permission. */
  readonly dataOutReadOnly: boolean;
  /** LUN that REPORT LUNS is sent to: the whole adapter's, or one for each target. */
  readonly reportLuns: "adapter" | "target";
  /** Targets that a scan probes with one REPORT LUNS each. */
  readonly scanTargets: readonly number[];
  /** Seconds in the CRQ entry of a command. */
  readonly commandTimeout: number;
  /** Comes back after a transport event. */
  readonly recovers: boolean;
}

const SLOT_TARGETS: readonly number[] = Array.from({ length: 64 }, (_, target) => target);

export const LINUX: ClientProfile = {
  name: "linux",
  osType: OS_TYPE_LINUX,
  queueBytes: 0x1000,
  logsIn: true,
  mads: [MAD_ADAPTER_INFO, MAD_ENABLE_FAST_FAIL, MAD_CAPABILITIES],
  furtherMadsFor: OS_TYPE_AIX,
  iuLength: "slot",
  tags: "pointer",
  requestsMaximum: 100,
  creditReserve: 2,
  countsAbortedCredit: true,
  segmentLength: 0x1000,
  descriptorsMaximum: 128,
  descriptorsInline: 10,
  directCount: 0,
  dataOutReadOnly: true,
  reportLuns: "target",
  scanTargets: SLOT_TARGETS,
  commandTimeout: 30,
  recovers: true,
};

/** Linux on 64 KiB pages: a queue of 4096 entries. */
export const LINUX_64K: ClientProfile = { ...LINUX, name: "linux-64k", queueBytes: 0x10000 };

/** Where nothing is known of AIX, Linux stands in for it. */
export const AIX: ClientProfile = {
  ...LINUX,
  name: "aix",
  osType: OS_TYPE_AIX,
  mads: [MAD_ADAPTER_INFO, MAD_CAPABILITIES, MAD_ENABLE_FAST_FAIL],
  furtherMadsFor: undefined,
  tags: "counter",
  countsAbortedCredit: false,
  reportLuns: "adapter",
};

/** Eight sectors of data and one of headers, so that nothing is aligned to 4 KiB. */
export const IBM_I: ClientProfile = {
  ...AIX,
  name: "ibm-i",
  osType: OS_TYPE_OS400,
  mads: [MAD_ADAPTER_INFO, MAD_CAPABILITIES],
  segmentLength: 9 * 512,
};

export const SLOF: ClientProfile = {
  ...LINUX,
  name: "slof",
  osType: OS_TYPE_OPEN_FIRMWARE,
  logsIn: false,
  mads: [],
  iuLength: "exact",
  tags: "one",
  requestsMaximum: 1,
  creditReserve: 0,
  countsAbortedCredit: false,
  segmentLength: Number.POSITIVE_INFINITY,
  descriptorsMaximum: 1,
  descriptorsInline: 0,
  directCount: 1,
  dataOutReadOnly: false,
  recovers: false,
};
