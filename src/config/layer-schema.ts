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

/** What may lie over every backend. */
export const layers = {
  overlay: overlay.optional().describe("changes are kept in a file of their own, and the backend is only read"),
};
