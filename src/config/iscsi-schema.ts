import { z } from "zod";
import { chap, iscsiName } from "./iscsi-identity-schema.ts";
import { isLoopback } from "./loopback.ts";
import { checkShownUnit, shownUnit } from "./unit-schema.ts";

const ISCSI_PORT = 3260;
/** LUNs that the flat method can address. */
const LUN_MAXIMUM = 16_383;
const MILLISECONDS_A_SECOND = 1000;

const portal = z
  .strictObject({
    address: z.string().min(1).default("127.0.0.1"),
    port: z.number().int().min(0).max(65_535).default(ISCSI_PORT),
    allowRemote: z.boolean().default(false),
  })
  .refine(
    ({ address, allowRemote }) => allowRemote || isLoopback(address),
    'a loopback address, or "allowRemote": true: who reaches the portal reaches the disks',
  );

const seconds = (fallback: number) =>
  z
    .codec(z.number().positive().max(3600), z.number(), {
      decode: (value) => value * MILLISECONDS_A_SECOND,
      encode: (value) => value / MILLISECONDS_A_SECOND,
    })
    .prefault(fallback);

const length = (fallback: number) =>
  z.number().int().min(512, "512 to 16777215").max(0xff_ffff, "512 to 16777215").default(fallback);

/** Time-outs are seconds in the file and milliseconds in the program. */
const limits = z.strictObject({
  sessions: z.number().int().min(1).max(1024).default(64),
  connections: z.number().int().min(1).max(4096).default(128),
  connectionsPerSession: z.number().int().min(1).max(16).default(4),
  queueDepth: z.number().int().min(1).max(1024).default(128),
  maxRecvDataSegmentLength: length(262_144),
  maxBurstLength: length(1_048_576),
  firstBurstLength: length(262_144),
  maxOutstandingR2T: z.number().int().min(1).max(64).default(4),
  loginTimeout: seconds(15),
  idleTimeout: seconds(30),
  pingTimeout: seconds(15),
  logoutTimeout: seconds(3),
});

const lun = z.strictObject({ lun: z.number().int().min(0).max(LUN_MAXIMUM), ...shownUnit }).superRefine(checkShownUnit);

const target = z
  .strictObject({
    name: iscsiName,
    portals: z.array(z.number().int().min(0)).min(1).optional().describe("which portals, counted from 0; all"),
    luns: z.array(lun).default([]),
    initiators: z.array(iscsiName).optional().describe("who may log in; anybody"),
    chap: chap.optional(),
  })
  .refine(({ luns }) => new Set(luns.map((entry) => entry.lun)).size === luns.length, "each LUN once a target");

/** The "iscsi" key. */
export const iscsiSchema = z
  .strictObject({
    portals: z.array(portal).min(1).prefault([{}]),
    targets: z.array(target).default([]),
    limits: limits.prefault({}),
  })
  .refine(({ targets }) => new Set(targets.map(({ name }) => name)).size === targets.length, "each target's name once")
  .refine(
    ({ portals, targets }) => targets.every((each) => (each.portals ?? []).every((index) => index < portals.length)),
    'indices of "portals"',
  );
