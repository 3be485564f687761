import { join } from "node:path";
import { Option } from "commander";
import type { LOG_FORMATS, LOG_LEVELS } from "../config/log-levels.ts";
import { runtimeDirectory } from "../host/runtime-directory.ts";
import { UsageError } from "./errors.ts";

/** Flags of `vscsi serve` that describe one adapter without a file. */
export interface ServeFlags {
  config?: string;
  disk?: string[];
  memory?: string[];
  cdrom?: string[];
  unit?: string;
  socket?: string;
  /** True when the flag came without a place. */
  iscsi?: string | true;
  control?: string;
  state?: string;
  keepGoing?: boolean;
  mount?: string;
  core?: "wasm" | "js";
  logLevel?: (typeof LOG_LEVELS)[number];
  logFormat?: (typeof LOG_FORMATS)[number];
}

export const DEFAULT_UNIT_ADDRESS = "0x71000003";
/** The target that shows the disks given by flags. */
export const DEFAULT_ISCSI_TARGET = "iqn.2026-11.net.vscsi:disks";
export const DEFAULT_ISCSI_PLACE = "127.0.0.1:3260";

export function defaultControlSocket(): string {
  return join(runtimeDirectory(), "control.sock");
}

/** What help says of a default path: that of the user who reads it may be another. */
export const DEFAULT_CONTROL_SOCKET_HELP = "$XDG_RUNTIME_DIR/vscsi/control.sock, else /tmp/vscsi-UID/control.sock";
export const DEFAULT_GUEST_SOCKET_HELP = "guest.sock beside the control socket";

/** `--control` of every command that asks a running daemon. */
export function controlOption(): Option {
  return new Option("--control <path>", "the daemon's control socket").default(
    defaultControlSocket(),
    DEFAULT_CONTROL_SOCKET_HELP,
  );
}

export function defaultGuestSocket(): string {
  return join(runtimeDirectory(), "guest.sock");
}

/** The one medium that a command's flags describe, undefined when they describe none. @throws UsageError */
export function backendFlag(disk: string | undefined, memory: string | undefined) {
  if (disk !== undefined && memory !== undefined) throw new UsageError("--disk and --memory do not go together");
  if (disk !== undefined) return diskFlag(disk);
  return memory === undefined ? undefined : memoryFlag(memory);
}

/** Only at the end: a path may have commas. */
const LAST_DISK_OPTION = /,(?:ro|overlay(?:=([^,]+))?)$/;

/** What may follow the path of --disk, each after a comma. */
export const DISK_FLAG = "path[,ro][,overlay[=file]]";

/** Reads "disk.img", "disk.img,ro", "disk.img,overlay=changes" or "disk.img,overlay". */
export function diskFlag(text: string) {
  let path = text;
  let readOnly = false;
  let overlay: { path: string } | { keep: false } | undefined;
  for (let match = LAST_DISK_OPTION.exec(path); match !== null; match = LAST_DISK_OPTION.exec(path)) {
    path = path.slice(0, match.index);
    if (match[0] === ",ro") readOnly = true;
    else overlay = match[1] === undefined ? { keep: false } : { path: match[1] };
  }
  return { backend: { type: "file" as const, path, ...(overlay && { overlay }) }, readOnly };
}

export function memoryFlag(size: string): { backend: { type: "memory"; size: string } } {
  return { backend: { type: "memory", size } };
}
