import { z } from "zod";

const keptOverlay = z.strictObject({
  path: z.string().min(1, "the path of the overlay's file, which is made if it is not there"),
  keep: z.literal(true).optional(),
});
const thrownAwayOverlay = z.strictObject({
  keep: z.literal(false),
  directory: z.string().min(1).optional().describe("folder of the file that holds the changes meanwhile"),
});

const overlay = z.union([keptOverlay, thrownAwayOverlay], {
  error: 'an overlay: {"path": FILE}, or {"keep": false} for changes that are thrown away',
});

/** Milliseconds, up to an hour. */
const delay = z.number().int().min(0).max(3_600_000);
const delayFilter = z.strictObject({
  type: z.literal("delay"),
  read: delay.optional(),
  write: delay.optional().describe("unmapping, too"),
  flush: delay.optional(),
});

const whole = z.number().int().min(0);
const errorFilter = z.strictObject({
  type: z.literal("error"),
  errno: z.enum(["EIO", "ENOSPC", "ENODEV", "ETIMEDOUT"]).optional(),
  operations: z
    .array(z.enum(["read", "write", "flush"]))
    .min(1)
    .optional(),
  blocks: z
    .tuple([whole, whole])
    .refine(([first, last]) => first <= last, "the first and the last block, in this order")
    .optional(),
  after: whole.optional().describe("operations that are passed on first"),
  rate: z.number().gt(0).max(1).optional().describe("share of the operations that fail"),
  seed: whole.max(0xffff_ffff).optional(),
  count: whole.optional().describe("how many operations fail"),
});

const FILTERS_MOST = 8;

/** What may lie over every backend. */
export const layers = {
  overlay: overlay.optional().describe("changes are kept in a file of their own, and the backend is only read"),
  filters: z
    .array(z.discriminatedUnion("type", [delayFilter, errorFilter]))
    .max(FILTERS_MOST)
    .optional()
    .describe("faults and delays, for tests: the first filter is asked first"),
};
