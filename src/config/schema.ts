import { z } from "zod";
import { iscsiSchema } from "./iscsi-schema.ts";
import { logFormat, logLevel } from "./log-schema.ts";
import { metricsSchema } from "./metrics-schema.ts";
import { checkPortGroups, portGroups } from "./port-group-schema.ts";
import { checkShownUnit, namedUnit, printable, shownUnit, size, unitAddress } from "./unit-schema.ts";

/** Least request limit that lets a client scan ([protocol] credit: Linux keeps two for task management). */
const REQUEST_LIMIT_MINIMUM = 3;
const REQUEST_LIMIT_MAXIMUM = 1024;
/** LoPAR has a server promise at least 256 KiB; the original driver's `max_sectors` went down to 9. [protocol] 9.1. */
const MAX_TRANSFER_MINIMUM = 9 * 512;
/** Those above are left to the portals of iSCSI targets. */
export const RELATIVE_TARGET_PORT_MAXIMUM = 0x7fff;
const MAX_TRANSFER_MAXIMUM = 0x100_0000;

const logicalUnit = z
  .strictObject({
    bus: z.number().int().min(0).max(7).default(0),
    target: z.number().int().min(0).max(63),
    lun: z.number().int().min(0).max(31).default(0),
    active: z.boolean().default(true).describe("clients see it; an inactive one is only described"),
    ...shownUnit,
  })
  .superRefine(checkShownUnit);

/** In the order in which they are written. */
export const LOGICAL_UNIT_KEYS: readonly string[] = Object.keys(logicalUnit.shape);
export const NAMED_UNIT_KEYS: readonly string[] = Object.keys(namedUnit.shape);

const adapter = z.strictObject({
  unitAddress,
  guest: z
    .string()
    .optional()
    .describe("name of the guest that owns the client adapter; none: a partition in this process"),
  requestLimit: z.number().int().min(REQUEST_LIMIT_MINIMUM).max(REQUEST_LIMIT_MAXIMUM).default(112),
  maxTransfer: size
    .refine((bytes) => bytes >= MAX_TRANSFER_MINIMUM && bytes <= MAX_TRANSFER_MAXIMUM, "4608 to 16M")
    .prefault("1M"),
  relativeTargetPort: z
    .number()
    .int()
    .min(1)
    .max(RELATIVE_TARGET_PORT_MAXIMUM)
    .optional()
    .describe("identifier of its port; kept for the adapter's life, by its place in the list at first"),
  buses: z
    .array(z.number().int().min(0).max(64))
    .max(8)
    .optional()
    .describe("how many targets each bus has, unused ones among them; as many as the logical units need"),
  logicalUnits: z.array(logicalUnit).default([]),
});

const guest = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,64}$/, "1 to 64 letters, digits, '.', '_' or '-'"),
  socket: z.string().min(1, "the path of the socket that the guest's bridge connects to"),
  pollMicroseconds: z
    .number()
    .int()
    .min(0)
    .max(10_000)
    .default(1000)
    .describe("how long the daemon stays awake for the guest's next command; 0: it sleeps at once"),
});

interface Shows {
  readonly unit?: string | undefined;
}

/** Every unit has its own name, and every name that is shown is that of a unit. */
function checkUnitNames(
  config: {
    logicalUnits: readonly { name: string }[];
    adapters: readonly { logicalUnits: readonly Shows[] }[];
    iscsi?: { targets: readonly { luns: readonly Shows[] }[] } | undefined;
  },
  context: z.core.$RefinementCtx,
): void {
  const names = new Set(config.logicalUnits.map(({ name }) => name));
  if (names.size < config.logicalUnits.length)
    context.addIssue({ code: "custom", path: ["logicalUnits"], message: "each unit's name once" });
  const check = (shown: readonly Shows[], path: (string | number)[]) => {
    for (const [index, { unit }] of shown.entries())
      if (unit !== undefined && !names.has(unit))
        context.addIssue({
          code: "custom",
          path: [...path, index, "unit"],
          message: 'a name listed in "logicalUnits"',
        });
  };
  for (const [index, { logicalUnits }] of config.adapters.entries())
    check(logicalUnits, ["adapters", index, "logicalUnits"]);
  for (const [index, { luns }] of (config.iscsi?.targets ?? []).entries())
    check(luns, ["iscsi", "targets", index, "luns"]);
}

/** Every part of a configuration by itself. */
export const configShape = z.strictObject({
  $schema: z.string().optional().describe("for editors: the path of configuration.schema.json"),
  version: z.literal(1),
  core: z.enum(["wasm", "js"]).default("wasm"),
  log: z
    .strictObject({
      level: logLevel.default("info"),
      format: logFormat.optional(),
      debug: z.number().int().default(0).describe("the attribute debug of the tree: but for 0, everything is logged"),
    })
    .prefault({}),
  control: z.string().min(1).optional().describe("path of the control socket"),
  stateDirectory: z
    .string()
    .min(1)
    .optional()
    .describe("folder where reservations and saved mode pages outlive the daemon; none: APTPL and SP are refused"),
  partition: z
    .strictObject({
      name: printable(95).default("vscsi-target"),
      number: z.number().int().min(0).max(0xffff).default(0),
    })
    .prefault({}),
  guests: z.array(guest).default([]),
  adapters: z.array(adapter).default([]),
  logicalUnits: z.array(namedUnit).default([]),
  iscsi: iscsiSchema.optional(),
  portGroups,
  metrics: metricsSchema.optional(),
});

/** The rules between parts of a configuration. */
export function checkAcross(config: z.output<typeof configShape>, context: z.core.$RefinementCtx): void {
  checkPortGroups(config, context);
  checkUnitNames(config, context);
  const guests = new Set(config.guests.map(({ name }) => name));
  if (guests.size < config.guests.length)
    context.addIssue({ code: "custom", path: ["guests"], message: "each guest's name once" });
  const seen = new Set<string>();
  for (const [index, { guest: name, unitAddress, logicalUnits }] of config.adapters.entries()) {
    const path = ["adapters", index];
    if (name !== undefined && !guests.has(name))
      context.addIssue({ code: "custom", path: [...path, "guest"], message: `a name listed in "guests"` });
    const unit = `${name ?? ""}:${unitAddress}`;
    if (seen.has(unit))
      context.addIssue({ code: "custom", path: [...path, "unitAddress"], message: "each unit address once a guest" });
    seen.add(unit);
    const luns = new Set<string>();
    for (const [position, { bus, target, lun }] of logicalUnits.entries()) {
      const place = `${bus}:${target}:${lun}`;
      if (luns.has(place))
        context.addIssue({
          code: "custom",
          path: [...path, "logicalUnits", position],
          message: "each bus, target and lun once an adapter",
        });
      luns.add(place);
    }
  }
}

/** The configuration file of `vscsi serve`. */
export const configSchema = configShape.superRefine(checkAcross);

/** A target that nothing describes yet. */
export function inactiveUnit({ bus, target, lun }: { bus: number; target: number; lun: number }): LogicalUnitConfig {
  return logicalUnit.parse({ bus, target, lun, active: false });
}

/** An adapter that shows nothing yet. @throws ZodError */
export function emptyAdapter(input: z.input<typeof adapter>): AdapterConfig {
  return adapter.parse(input);
}

export type Config = z.output<typeof configSchema>;
export type ConfigInput = z.input<typeof configSchema>;
export type AdapterConfig = Config["adapters"][number];
export type LogicalUnitConfig = AdapterConfig["logicalUnits"][number];
export type NamedUnitConfig = Config["logicalUnits"][number];
export type IscsiConfig = NonNullable<Config["iscsi"]>;
