import { z } from "zod";
import { COMMAND_CLASS_NAMES, isFilterEntry } from "../scsi/passthrough/command-filter.ts";
import { chap, iscsiName } from "./iscsi-identity-schema.ts";

const sgBackend = z.strictObject({
  type: z.literal("sg"),
  path: z.string().min(1, "the path of a SCSI device: /dev/sg0, /dev/bsg/0:0:0:0, /dev/sda"),
});

/** Milliseconds, up to an hour. */
const patience = z.number().int().min(100).max(3_600_000);

const iscsiBackend = z.strictObject({
  type: z.literal("iscsi"),
  url: z.string().regex(/^iscsi:\/\//, 'an iSCSI URL, such as "iscsi://127.0.0.1/iqn.2026-11.net.example:disks/1"'),
  initiatorName: iscsiName.optional().describe("as whom we log in; made from the host's name"),
  chap: chap.optional(),
  headerDigest: z
    .boolean()
    .optional()
    .describe("headers must have a digest; where they need not, the target may want it"),
  dataDigest: z.boolean().optional().describe("data must have a digest; where they need not, the target may want it"),
  timeout: patience.optional().describe("milliseconds after which a target that does not answer is connected to again"),
  retryFor: patience.optional().describe("milliseconds for which commands wait for a target that was lost"),
});

/** Real devices, whose commands pass through: a new kind of way to one is a line here. */
export const deviceBackends = [sgBackend, iscsiBackend] as const;

const filterEntry = z
  .string()
  .refine(
    isFilterEntry,
    `one of ${COMMAND_CLASS_NAMES.join(", ")}, an operation code "0x4c" or a service action "0xa4/0x0a"`,
  );

/** The "passThrough" key of a unit: how commands go to its device. */
export const passThrough = z.strictObject({
  timeout: z
    .number()
    .int()
    .min(100)
    .max(86_400_000)
    .optional()
    .describe("milliseconds that a usual command may take; those that are known to take long have longer"),
  queueDepth: z.number().int().min(1).max(64).optional().describe("commands that may be with the device at a time"),
  filter: z
    .strictObject({ allow: z.array(filterEntry).optional(), refuse: z.array(filterEntry).optional() })
    .optional()
    .describe("commands that may reach the device, and that may not, beyond what is so anyway"),
});
