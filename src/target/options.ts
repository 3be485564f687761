import type { Clock } from "../core/clock.ts";
import type { CrqLink } from "../core/crq-link.ts";
import type { Log } from "../core/log.ts";
import type { TargetDevice } from "../scsi/task.ts";
import type { ServerIdentity } from "./mad.ts";
import type { ResidualStyle } from "./residuals.ts";

export interface ServerAdapterOptions {
  link: CrqLink;
  device: TargetDevice;
  clock: Clock;
  log: Log;
  identity: ServerIdentity;
  /** Relative target port identifier of the adapter: unique in the daemon. */
  relativeTargetPort: number;
  /** Name that clients see in the capabilities answer. */
  adapterName: string;
  /** SRP requests that a client may have outstanding; at least 3, and fewer than the link has slots. */
  requestLimit: number;
  /** Serves commands of a client that has sent neither MAD nor login, as SLOF does; true unless told otherwise. */
  acceptWithoutLogin?: boolean;
  /** How short transfers are told; `standard` unless told otherwise. */
  residuals?: ResidualStyle;
}

/** What an adapter's commands did since it was made. */
export interface CommandCounters {
  /** SRP commands received. */
  requests: number;
  /** Read and write commands among them. */
  reads: number;
  writes: number;
  /** Responses with a sense key other than NO SENSE. */
  errors: number;
  /** Data buffers in use now. */
  buffers: number;
  /** Requests not yet answered. */
  outstanding: number;
  /** Commands that ended without a response: aborted, or their connection gone. */
  aborted: number;
  /** Commands answered with another status than GOOD. */
  failed: number;
  /** Bytes that commands moved to the client, and from it. */
  bytesIn: number;
  bytesOut: number;
}

/** What an adapter has seen since it was made. */
export interface AdapterCounters extends CommandCounters {
  /** Interrupts taken, and entries taken from the ring. */
  interrupts: number;
  messages: number;
  /** Connections that ended: by the client, or by us for a violation. */
  disconnects: number;
}
