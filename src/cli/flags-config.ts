import { checkConfig } from "../config/load.ts";
import type { Config, ConfigInput } from "../config/schema.ts";
import { UsageError } from "./errors.ts";
import {
  DEFAULT_ISCSI_PLACE,
  DEFAULT_ISCSI_TARGET,
  DEFAULT_UNIT_ADDRESS,
  defaultControlSocket,
  defaultGuestSocket,
  diskFlag,
  memoryFlag,
  type ServeFlags,
} from "./options.ts";

/**
 * Makes the configuration that the flags describe: one adapter for a QEMU guest, its disks at targets 1, 2, 3 … in
 * the order given, `--disk` first, `--cdrom` last. With a place to keep changes it may begin with nothing. @throws UsageError, ConfigError
 */
export function configFromFlags(flags: ServeFlags): Config {
  const units = [
    ...(flags.disk ?? []).map(diskFlag),
    ...(flags.memory ?? []).map(memoryFlag),
    ...(flags.cdrom ?? []).map(cdromFlag),
  ];
  const grows = flags.state !== undefined || flags.mount !== undefined;
  if (units.length === 0 && !grows)
    throw new UsageError(
      "nothing to serve: give --config FILE, units with --disk PATH[,ro], --memory SIZE or --cdrom PATH, or --state DIR",
    );
  const unitAddress = flags.unit ?? DEFAULT_UNIT_ADDRESS;
  const input: ConfigInput = {
    version: 1,
    ...(flags.core !== undefined && { core: flags.core }),
    log: {
      ...(flags.logLevel !== undefined && { level: flags.logLevel }),
      ...(flags.logFormat !== undefined && { format: flags.logFormat }),
    },
    control: flags.control ?? defaultControlSocket(),
    guests: [{ name: "guest", socket: flags.socket ?? defaultGuestSocket() }],
    ...(flags.iscsi === undefined
      ? {
          adapters:
            units.length === 0 && flags.unit === undefined
              ? []
              : [
                  {
                    unitAddress,
                    guest: "guest",
                    logicalUnits: units.map((unit, index) => ({ target: index + 1, ...unit })),
                  },
                ],
        }
      : sharedUnits(units, unitAddress, flags.iscsi === true ? DEFAULT_ISCSI_PLACE : flags.iscsi)),
  };
  return checkConfig(input, "flags");
}

type UnitFlag = ReturnType<typeof diskFlag> | ReturnType<typeof memoryFlag> | ReturnType<typeof cdromFlag>;

/** The units under names, so that the adapter and an iSCSI target show the same; each is who it is without iSCSI. */
function sharedUnits(units: readonly UnitFlag[], unitAddress: string, place: string) {
  const name = (index: number) => `disk${index + 1}`;
  const address = Number.parseInt(unitAddress, 16).toString(16);
  const serial = (index: number) => `VSCSI-${address}-0-${index + 1}-0`;
  return {
    logicalUnits: units.map((unit, index) => ({ name: name(index), serial: serial(index), ...unit })),
    adapters: [
      {
        unitAddress,
        guest: "guest",
        logicalUnits: units.map((_unit, index) => ({ target: index + 1, unit: name(index) })),
      },
    ],
    iscsi: {
      portals: [iscsiPortal(place)],
      targets: [{ name: DEFAULT_ISCSI_TARGET, luns: units.map((_unit, lun) => ({ lun, unit: name(lun) })) }],
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

/** @param path an image; empty for a drive without a disc */
function cdromFlag(path: string): { type: "optical"; backend?: { type: "file"; path: string } } {
  return path === "" ? { type: "optical" } : { type: "optical", backend: { type: "file", path } };
}
