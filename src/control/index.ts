/**
 * What a program needs to control a running daemon.
 * @module vscsi-target/control
 */
export { ControlClient, ControlError, callDaemon, type NotificationListener } from "./client.ts";
export type {
  AdapterStatus,
  AppliedChanges,
  DaemonStatus,
  IscsiSessionStatus,
  IscsiStatus,
  IscsiTargetStatus,
  LogicalUnitStatus,
  MethodDescription,
  MethodResults,
  PlannedChange,
  TreeBranch,
  TreeDocumentation,
  TreeEntry,
  TreeValue,
  UnitSummary,
} from "./results.ts";
