import { join } from "node:path";
import { checkConfig } from "../config/load.ts";
import type { Config, ConfigInput } from "../config/schema.ts";
import { runtimeDirectory } from "../host/runtime-directory.ts";
import { UsageError } from "./errors.ts";

/** Flags of `vscsi serve` that describe one adapter without a file. */
export interface ServeFlags {
  config?: string;
  disk?: string[];
  memory?: string[];
  unit?: string;
  socket?: string;
  /** True when the flag came without a place. */
  iscsi?: string | true;
  control?: string;
  core?: string;
  logLevel?: string;
}

export const DEFAULT_UNIT_ADDRESS = "0x71000003";
/** The target that shows the disks given by flags. */
export const DEFAULT_ISCSI_TARGET = "iqn.2026-11.net.vscsi:disks";
const DEFAULT_ISCSI_PLACE = "127.0.0.1:3260";

export function defaultControlSocket(): string {
  return join(runtimeDirectory(), "control.sock");
}

export function defaultGuestSocket(): string {
  return join(runtimeDirectory(), "guest.sock");
}

/**
 * Makes the configuration that the flags describe: one adapter for a QEMU guest, its disks at targets 1, 2, 3 … in
 * the order given, `--disk` first. @throws UsageError, ConfigError
 */
export function configFromFlags(flags: ServeFlags): Config {
  const backends = [...(flags.disk ?? []).map(diskFlag), ...(flags.memory ?? []).map(memoryFlag)];
  if (backends.length === 0)
    throw new UsageError("nothing to serve: give --config FILE, or disks with --disk PATH[,ro] or --memory SIZE");
  const unitAddress = flags.unit ?? DEFAULT_UNIT_ADDRESS;
  const input: ConfigInput = {
    version: 1,
    core: (flags.core ?? "wasm") as "wasm" | "js",
    log: { level: (flags.logLevel ?? "info") as "info" },
    control: flags.control ?? defaultControlSocket(),
    guests: [{ name: "guest", socket: flags.socket ?? defaultGuestSocket() }],
    ...(flags.iscsi === undefined
      ? {
          adapters: [
            {
              unitAddress,
              guest: "guest",
              logicalUnits: backends.map((unit, index) => ({ target: index + 1, ...unit })),
            },
          ],
        }
      : sharedDisks(backends, unitAddress, flags.iscsi === true ? DEFAULT_ISCSI_PLACE : flags.iscsi)),
  };
  return checkConfig(input, "flags");
}

type DiskFlag = ReturnType<typeof diskFlag> | ReturnType<typeof memoryFlag>;

/** The disks under names, so that the adapter and an iSCSI target show the same; each is who it is without iSCSI. */
function sharedDisks(backends: readonly DiskFlag[], unitAddress: string, place: string) {
  const name = (index: number) => `disk${index + 1}`;
  const address = Number.parseInt(unitAddress, 16).toString(16);
  const serial = (index: number) => `VSCSI-${address}-0-${index + 1}-0`;
  return {
    logicalUnits: backends.map((unit, index) => ({ name: name(index), serial: serial(index), ...unit })),
    adapters: [
      {
        unitAddress,
        guest: "guest",
        logicalUnits: backends.map((_unit, index) => ({ target: index + 1, unit: name(index) })),
      },
    ],
    iscsi: {
      portals: [iscsiPortal(place)],
      targets: [{ name: DEFAULT_ISCSI_TARGET, luns: backends.map((_unit, lun) => ({ lun, unit: name(lun) })) }],
    },
  };
}

/** "ADDR:PORT", "[ADDR]:PORT", "ADDR" or ":PORT". */
function iscsiPortal(text: string): { address?: string; port?: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*))(?::([0-9]{1,5}))?$/.exec(text);
  if (match === null) throw new UsageError(`--iscsi ${text}: give ADDRESS:PORT, such as ${DEFAULT_ISCSI_PLACE}`);
  const address = match[1] ?? match[2];
  const port = match[3];
  return { ...(address && { address }), ...(port !== undefined && { port: Number(port) }) };
}

function diskFlag(text: string): { backend: { type: "file"; path: string }; readOnly: boolean } {
  const readOnly = text.endsWith(",ro");
  return { backend: { type: "file", path: readOnly ? text.slice(0, -3) : text }, readOnly };
}

function memoryFlag(size: string): { backend: { type: "memory"; size: string } } {
  return { backend: { type: "memory", size } };
}
