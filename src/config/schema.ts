import { z } from "zod";
import { parseSize } from "./size.ts";

/** Least request limit that lets a client scan ([protocol] credit: Linux keeps two for task management). */
const REQUEST_LIMIT_MINIMUM = 3;
const REQUEST_LIMIT_MAXIMUM = 1024;
/** LoPAR: a server promises at least 256 KiB. */
const MAX_TRANSFER_MINIMUM = 0x40000;
const MAX_TRANSFER_MAXIMUM = 0x100_0000;

const size = z
  .union([z.string(), z.number().int().positive()])
  .transform((value, context) => {
    const bytes = typeof value === "number" ? value : parseSize(value);
    if (bytes === undefined || bytes === 0) {
      context.addIssue({ code: "custom", message: 'a size in bytes or with K, M, G, T, such as "64M"' });
      return z.NEVER;
    }
    return bytes;
  })
  .describe('bytes, or a number with K, M, G or T ("64M")');

const unitAddress = z
  .string()
  .regex(/^0x[0-9a-fA-F]{1,8}$/, 'a unit address in hexadecimal, such as "0x71000003"')
  .transform((text) => Number.parseInt(text, 16));

const printable = (length: number) =>
  z
    .string()
    .regex(/^[\x20-\x7e]*$/, "printable ASCII")
    .max(length, `at most ${length} characters`);

const memoryBackend = z.strictObject({ type: z.literal("memory"), size });
const fileBackend = z.strictObject({
  type: z.literal("file"),
  path: z.string().min(1, "the path of an image or block device"),
});

interface DriveConfig {
  readonly type: "disk" | "optical";
  readonly backend?: object | undefined;
  readonly removable?: boolean | undefined;
  readonly blockSize: number;
}

/** What a disk and an optical drive may not be. */
function checkDrive({ type, backend, removable, blockSize }: DriveConfig, context: z.core.$RefinementCtx): void {
  const wrong = (key: keyof DriveConfig, message: string) => context.addIssue({ code: "custom", path: [key], message });
  if (type === "disk" && backend === undefined && !removable)
    wrong("backend", "a disk has one, unless it is removable and may begin empty");
  if (type === "optical" && removable === false) wrong("removable", "an optical drive always is");
  if (type === "optical" && blockSize !== 512) wrong("blockSize", "an optical disc has blocks of 2048 bytes");
}

const logicalUnit = z
  .strictObject({
    type: z.enum(["disk", "optical"]).default("disk"),
    bus: z.number().int().min(0).max(7).default(0),
    target: z.number().int().min(0).max(63),
    lun: z.number().int().min(0).max(31).default(0),
    backend: z.discriminatedUnion("type", [memoryBackend, fileBackend]).optional(),
    removable: z.boolean().optional(),
    readOnly: z.boolean().default(false),
    blockSize: z.union([z.literal(512), z.literal(4096)]).default(512),
    vendor: printable(8).optional(),
    product: printable(16).optional(),
    revision: printable(4).optional(),
    serial: printable(64).optional(),
  })
  .superRefine(checkDrive);

const adapter = z.strictObject({
  unitAddress,
  guest: z
    .string()
    .optional()
    .describe("name of the guest that owns the client adapter; none: a partition in this process"),
  requestLimit: z.number().int().min(REQUEST_LIMIT_MINIMUM).max(REQUEST_LIMIT_MAXIMUM).default(112),
  maxTransfer: size
    .refine((bytes) => bytes >= MAX_TRANSFER_MINIMUM && bytes <= MAX_TRANSFER_MAXIMUM, "256K to 16M")
    .prefault("1M"),
  logicalUnits: z.array(logicalUnit).default([]),
});

const guest = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,64}$/, "1 to 64 letters, digits, '.', '_' or '-'"),
  socket: z.string().min(1, "the path of the socket that the guest's bridge connects to"),
});

/** The configuration file of `vscsi serve`. */
export const configSchema = z
  .strictObject({
    version: z.literal(1),
    core: z.enum(["wasm", "js"]).default("wasm"),
    log: z
      .strictObject({ level: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info") })
      .prefault({}),
    control: z.string().min(1).optional().describe("path of the control socket"),
    partition: z
      .strictObject({
        name: printable(95).default("vscsi-target"),
        number: z.number().int().min(0).max(0xffff).default(0),
      })
      .prefault({}),
    guests: z.array(guest).default([]),
    adapters: z.array(adapter).default([]),
  })
  .superRefine((config, context) => {
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
  });

export type Config = z.output<typeof configSchema>;
export type ConfigInput = z.input<typeof configSchema>;
export type AdapterConfig = Config["adapters"][number];
export type LogicalUnitConfig = AdapterConfig["logicalUnits"][number];
