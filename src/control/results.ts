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

/** What an overlay has, and how far its merge is. */
export interface OverlaySummary {
  description: string;
  /** Bytes of the disk that are in the overlay. */
  changedBytes: number;
  /** The last merge since the unit was opened. */
  merge?: { state: "merging" | "merged" | "failed"; done: number; total: number; error?: string };
}

/** An entry of what `methods` answers. */
export interface MethodDescription {
  name: string;
  summary: string;
  /** JSON Schema of its parameters; null: it has none, or checks them by itself. */
  params: object | null;
}

/** An entry of a directory of the tree. */
export interface TreeEntry {
  name: string;
  kind: "directory" | "attribute";
  writable: boolean;
}

/** An attribute as it is read. */
export interface TreeValue {
  path: string;
  value?: string;
  /** In base64, of an attribute that is no text. */
  bytes?: string;
}

/** What a node of the tree is. */
export interface TreeDocumentation {
  path: string;
  kind: "directory" | "attribute";
  what: string;
  unit?: string;
  /** What may be written, or the names that can be made. */
  accepts?: string;
}

/** A directory of the tree: directories as objects, attributes as their values or null. */
export interface TreeBranch {
  [name: string]: TreeBranch | string | null;
}

/** One difference between two configurations. */
export interface PlannedChange {
  change: "add" | "remove" | "change";
  /** "guest lpar1", "unit disk1", "adapter 0x71000003", "0x71000003/2.0". */
  what: string;
  detail: string;
}

/** What was done, or would be, to move to a configuration. */
export interface AppliedChanges {
  applied: boolean;
  changes: PlannedChange[];
}

/** What methods answer. */
export interface MethodResults {
  methods: MethodDescription[];
  status: DaemonStatus;
  "log.level": { level: string };
  "tree.list": TreeEntry[];
  "tree.get": TreeValue;
  "tree.set": TreeValue;
  "tree.make": { path: string };
  "tree.remove": { path: string };
  "tree.doc": TreeDocumentation;
  "tree.walk": TreeBranch;
  "configuration.get": object;
  "configuration.apply": AppliedChanges;
  "configuration.reload": AppliedChanges;
  "unit.add": UnitSummary;
  "unit.remove": UnitSummary;
  "unit.resize": UnitSummary;
  "unit.writeProtect": UnitSummary;
  "overlay.status": OverlaySummary;
  "overlay.merge": OverlaySummary;
  "overlay.discard": OverlaySummary;
  "medium.eject": UnitSummary;
  "medium.load": UnitSummary;
}
