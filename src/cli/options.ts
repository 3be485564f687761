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
  cdrom?: string[];
  unit?: string;
  socket?: string;
  control?: string;
  core?: string;
  logLevel?: string;
}

export const DEFAULT_UNIT_ADDRESS = "0x71000003";

export function defaultControlSocket(): string {
  return join(runtimeDirectory(), "control.sock");
}

export function defaultGuestSocket(): string {
  return join(runtimeDirectory(), "guest.sock");
}

/**
 * Makes the configuration that the flags describe: one adapter for a QEMU guest, its disks at targets 1, 2, 3 … in
 * the order given, `--disk` first, `--cdrom` last. @throws UsageError, ConfigError
 */
export function configFromFlags(flags: ServeFlags): Config {
  const units = [
    ...(flags.disk ?? []).map(diskFlag),
    ...(flags.memory ?? []).map(memoryFlag),
    ...(flags.cdrom ?? []).map(cdromFlag),
  ];
  if (units.length === 0)
    throw new UsageError(
      "nothing to serve: give --config FILE, or units with --disk PATH[,ro], --memory SIZE or --cdrom PATH",
    );
  const input: ConfigInput = {
    version: 1,
    core: (flags.core ?? "wasm") as "wasm" | "js",
    log: { level: (flags.logLevel ?? "info") as "info" },
    control: flags.control ?? defaultControlSocket(),
    guests: [{ name: "guest", socket: flags.socket ?? defaultGuestSocket() }],
    adapters: [
      {
        unitAddress: flags.unit ?? DEFAULT_UNIT_ADDRESS,
        guest: "guest",
        logicalUnits: units.map((unit, index) => ({ target: index + 1, ...unit })),
      },
    ],
  };
  return checkConfig(input, "flags");
}

function diskFlag(text: string): { backend: { type: "file"; path: string }; readOnly: boolean } {
  const readOnly = text.endsWith(",ro");
  return { backend: { type: "file", path: readOnly ? text.slice(0, -3) : text }, readOnly };
}

function memoryFlag(size: string): { backend: { type: "memory"; size: string } } {
  return { backend: { type: "memory", size } };
}

/** @param path an image; empty for a drive without a disc */
function cdromFlag(path: string): { type: "optical"; backend?: { type: "file"; path: string } } {
  return path === "" ? { type: "optical" } : { type: "optical", backend: { type: "file", path } };
}
