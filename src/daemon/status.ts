/** What `status` on the control socket answers. */
export interface DaemonStatus {
  version: string;
  pid: number;
  core: "wasm" | "js";
  uptimeSeconds: number;
  adapters: AdapterStatus[];
}

export interface AdapterStatus {
  unitAddress: number;
  /** Name of the guest that owns the client adapter; none for a partition in the daemon's own process. */
  guest?: string;
  /** Socket that the guest's bridge connects to. */
  socket?: string;
  /** State of the connection ([LoPAR]; the names of docs/protocol-states). */
  state: string;
  /** As the client told in its adapter information. */
  client?: { partitionName: string; partitionNumber: number; osName: string };
  requestLimit: number;
  outstanding: number;
  /** SRP commands received since the daemon started. */
  requests: number;
  logicalUnits: LogicalUnitStatus[];
}

export interface LogicalUnitStatus {
  bus: number;
  target: number;
  lun: number;
  /** Bytes. */
  size: number;
  readOnly: boolean;
  description: string;
}
