/** What `status` on the control socket answers. */
export interface DaemonStatus {
  version: string;
  pid: number;
  core: "wasm" | "js";
  uptimeSeconds: number;
  adapters: AdapterStatus[];
  /** Where it can be scraped; only when it can. */
  metrics?: { address: string; port: number } | { socket: string };
  /** Only when the daemon serves iSCSI. */
  iscsi?: IscsiStatus;
}

export interface IscsiStatus {
  portals: { address: string; port: number; tag: number }[];
  targets: IscsiTargetStatus[];
  sessions: IscsiSessionStatus[];
}

export interface IscsiTargetStatus {
  name: string;
  portalGroupTags: number[];
  authentication: "none" | "CHAP" | "mutual CHAP";
  logicalUnits: { lun: number; size: number; readOnly: boolean; description: string }[];
}

export interface IscsiSessionStatus {
  initiator: string;
  /** Twelve hexadecimal digits. */
  isid: string;
  /** "discovery" for a discovery session. */
  target: string;
  portalGroupTag: number;
  /** Addresses that its connections come from. */
  connections: string[];
  /** SCSI commands received since it logged in. */
  commands: number;
  outstanding: number;
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

/** What an operation on a unit answers: the unit as it is afterwards. */
export interface UnitSummary {
  name?: string;
  /** Where it is shown. */
  places: string[];
  /** Bytes. */
  size: number;
  readOnly: boolean;
  description: string;
}

/** An entry of what `methods` answers. */
export interface MethodDescription {
  name: string;
  summary: string;
  /** JSON Schema of its parameters; null: it has none, or checks them by itself. */
  params: object | null;
}

/** What methods answer. */
export interface MethodResults {
  methods: MethodDescription[];
  status: DaemonStatus;
  "unit.add": UnitSummary;
  "unit.remove": UnitSummary;
  "unit.resize": UnitSummary;
  "unit.writeProtect": UnitSummary;
  "medium.eject": UnitSummary;
  "medium.load": UnitSummary;
}
