/** `vscsi-target/control`: what a program needs to control a running daemon. */
export { ControlClient, ControlError, callDaemon, type NotificationListener } from "./client.ts";
export type {
  AdapterStatus,
  DaemonStatus,
  IscsiSessionStatus,
  IscsiStatus,
  IscsiTargetStatus,
  LogicalUnitStatus,
  MethodDescription,
  MethodResults,
  TreeBranch,
  TreeDocumentation,
  TreeEntry,
  TreeValue,
  UnitSummary,
} from "./results.ts";
