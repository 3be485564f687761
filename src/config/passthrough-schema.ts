import { z } from "zod";
import { COMMAND_CLASS_NAMES, isFilterEntry } from "../scsi/passthrough/command-filter.ts";

const sgBackend = z.strictObject({
  type: z.literal("sg"),
  path: z.string().min(1, "the path of a SCSI device: /dev/sg0, /dev/bsg/0:0:0:0, /dev/sda"),
});

/** Real devices, whose commands pass through: a new kind of way to one is a line here. */
export const deviceBackends = [sgBackend] as const;

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
