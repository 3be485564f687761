import { z } from "zod";
import { layers } from "./layer-schema.ts";
import { deviceBackends, passThrough } from "./passthrough-schema.ts";
import { parseSize } from "./size.ts";

/** Codecs, not transforms: a running configuration is written back in the form in which it was read. */
export const size = z
  .codec(z.union([z.string(), z.number().int().positive()]), z.number(), {
    decode: (value, context) => {
      const bytes = typeof value === "number" ? value : parseSize(value);
      if (bytes !== undefined && bytes !== 0) return bytes;
      context.issues.push({
        code: "custom",
        input: value,
        message: 'a size in bytes or with K, M, G, T, such as "64M"',
      });
      return z.NEVER;
    },
    encode: (bytes) => bytes,
  })
  .describe('bytes, or a number with K, M, G or T ("64M")');

export const unitAddress = z.codec(
  z.string().regex(/^0x[0-9a-fA-F]{1,8}$/, 'a unit address in hexadecimal, such as "0x71000003"'),
  z.number(),
  { decode: (text) => Number.parseInt(text, 16), encode: (address) => `0x${address.toString(16)}` },
);

export const printable = (length: number) =>
  z
    .string()
    .regex(/^[\x20-\x7e]*$/, "printable ASCII")
    .max(length, `at most ${length} characters`);

const memoryBackend = z.strictObject({ type: z.literal("memory"), size, ...layers });
const fileBackend = z.strictObject({
  type: z.literal("file"),
  path: z.string().min(1, "the path of an image or block device"),
  ...layers,
});

/** Milliseconds, up to an hour. */
const patience = z.number().int().min(100).max(3_600_000);
const pemFile = z.string().min(1, "the path of a PEM file");
const imageBackend = z.strictObject({
  type: z.literal("image"),
  path: z.string().min(1, "the path of an image"),
  format: z
    .enum(["qcow2", "vmdk", "vdi", "vhdx", "vpc", "raw"])
    .optional()
    .describe("what the name's extension says unless told"),
  cache: z.enum(["writeback", "none"]).optional().describe("whether QEMU uses the page cache"),
  references: z.boolean().optional().describe("the image may refer to other files, such as a backing file"),
  connections: z.number().int().min(1).max(16).optional().describe("to QEMU at the same time"),
  timeout: patience.optional().describe("milliseconds after which an operation fails that QEMU has not answered"),
  ...layers,
});

const nbdBackend = z.strictObject({
  type: z.literal("nbd"),
  uri: z.string().regex(/^nbds?(\+unix)?:\/\//, 'an NBD URI, such as "nbd://127.0.0.1/export"'),
  connections: z.number().int().min(1).max(16).optional().describe("at the same time, where the server allows it"),
  timeout: patience.optional().describe("milliseconds after which a server that does not answer is connected to again"),
  retryFor: patience.optional().describe("milliseconds after which an operation fails that no server has answered"),
  tls: z
    .strictObject({ ca: pemFile.optional(), cert: pemFile.optional(), key: pemFile.optional() })
    .optional()
    .describe("for nbds: whom to trust, and who we are"),
  ...layers,
});

const storeBackends = [memoryBackend, fileBackend, imageBackend, nbdBackend] as const;
/** What a medium is made of. */
export const storeBackend = z.discriminatedUnion("type", storeBackends);
/** What is behind a unit: a medium's bytes, or a real device. */
export const backend = z.discriminatedUnion("type", [...storeBackends, ...deviceBackends]);
const DEVICE_TYPES: readonly string[] = deviceBackends.map(({ shape }) => shape.type.value);

/** Commands that a unit takes at a time, at most. */
export const QUEUE_DEPTH_MOST = 1024;

/** What a logical unit is, wherever it is shown. */
const unitBody = {
  type: z.enum(["disk", "optical", "passthrough"]).default("disk"),
  passThrough: passThrough.optional().describe("how commands are passed to a real device"),
  removable: z.boolean().optional(),
  readOnly: z.boolean().default(false),
  eraseRate: size.optional().describe("bytes a second that SANITIZE and FORMAT UNIT write at most"),
  queueDepth: z
    .number()
    .int()
    .min(1)
    .max(QUEUE_DEPTH_MOST)
    .optional()
    .describe("commands that it takes at a time; with more it answers TASK SET FULL"),
  blockSize: z.union([z.literal(512), z.literal(4096)]).default(512),
  physicalBlockSize: z.union([z.literal(512), z.literal(4096)]).optional(),
  thin: z.boolean().optional().describe("the disk gives back what is unmapped"),
  vendor: printable(8).optional(),
  product: printable(16).optional(),
  revision: printable(4).optional(),
  serial: printable(64).optional(),
};

export const unitName = z.string().regex(/^[\w.-]{1,64}$/, "1 to 64 letters, digits, '.', '_' or '-'");

interface UnitOptions {
  readonly type: "disk" | "optical" | "passthrough";
  readonly backend?: { readonly type: string; readonly overlay?: object | undefined } | undefined;
  readonly passThrough?: object | undefined;
  readonly removable?: boolean | undefined;
  readonly blockSize: number;
  readonly physicalBlockSize?: number | undefined;
  readonly thin?: boolean | undefined;
  readonly eraseRate?: number | undefined;
  readonly serial?: string | undefined;
  readonly queueDepth?: number | undefined;
  /** A unit that is not opened yet may still lack what it needs. */
  readonly active?: boolean;
}

type Wrong = (key: keyof UnitOptions, message: string) => void;

/** What a unit may not be. */
function checkUnit(unit: UnitOptions, context: z.core.$RefinementCtx): void {
  const wrong: Wrong = (key, message) => context.addIssue({ code: "custom", path: [key], message });
  if (unit.type === "passthrough") checkPassThrough(unit, wrong);
  else checkDrive(unit, wrong);
}

/** What a disk and an optical drive may not be. */
function checkDrive(drive: UnitOptions, wrong: Wrong): void {
  const { type, backend, passThrough, removable, blockSize, physicalBlockSize, thin, active = true } = drive;
  if (type === "disk" && backend === undefined && !removable && active)
    wrong("backend", "a disk has one, unless it is removable and begins empty");
  if (backend !== undefined && DEVICE_TYPES.includes(backend.type) && active)
    wrong("backend", `a device's own commands are served with "type": "passthrough"`);
  if (passThrough !== undefined) wrong("passThrough", `only with "type": "passthrough"`);
  if (type === "optical" && removable === false) wrong("removable", "an optical drive always is");
  if (type === "optical" && blockSize !== 512) wrong("blockSize", "an optical disc has blocks of 2048 bytes");
  if (type === "optical" && physicalBlockSize !== undefined) wrong("physicalBlockSize", "an optical disc has none");
  if (type === "optical" && backend?.overlay !== undefined)
    wrong("backend", "an optical disc has no overlay: it is never written");
  if (type === "optical" && thin) wrong("thin", "an optical disc keeps what it has");
  if (physicalBlockSize !== undefined && physicalBlockSize < blockSize)
    wrong("physicalBlockSize", `a physical block holds logical blocks: at least ${blockSize}`);
}

/** What the device says itself when its commands are passed through. */
const DEVICES_OWN = ["removable", "physicalBlockSize", "thin", "eraseRate", "serial", "queueDepth"] as const;

function checkPassThrough(unit: UnitOptions, wrong: Wrong): void {
  const { backend, blockSize, active = true } = unit;
  const types = DEVICE_TYPES.map((type) => `"${type}"`).join(" or ");
  if (active && (backend === undefined || !DEVICE_TYPES.includes(backend.type)))
    wrong("backend", `the device that commands go to, of type ${types}`);
  if (blockSize !== 512) wrong("blockSize", "with passthrough it is the device's own: leave it out");
  for (const key of DEVICES_OWN)
    if (unit[key] !== undefined) wrong(key, "with passthrough it is the device's own: leave it out");
}

/** A unit that adapters and targets may show by its name. */
export const namedUnit = z
  .strictObject({ name: unitName, backend: backend.optional(), ...unitBody })
  .superRefine(checkUnit);

/** A unit where it is shown: by its name, or described there. */
export const shownUnit = {
  unit: unitName.optional().describe('name of a unit listed in "logicalUnits"'),
  backend: backend.optional(),
  ...unitBody,
};

export function checkShownUnit(
  shown: UnitOptions & { unit?: string | undefined },
  context: z.core.$RefinementCtx,
): void {
  if (shown.unit === undefined) checkUnit(shown, context);
  else if (shown.backend !== undefined)
    context.addIssue({ code: "custom", path: [], message: "either a backend or the name of a unit" });
}
