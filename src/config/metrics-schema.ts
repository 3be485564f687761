import { z } from "zod";
import { isLoopback } from "./loopback.ts";

/** Where Prometheus' default port allocations have room for exporters of one's own. */
const METRICS_PORT = 9_847;

/** Where `/metrics` and `/healthz` are: at a port of this machine, or at a Unix socket. */
export const metricsSchema = z.union(
  [
    z.strictObject({ socket: z.string().min(1) }),
    z.strictObject({
      address: z
        .string()
        .refine(isLoopback, "a loopback address: for other machines put a proxy before it")
        .default("127.0.0.1"),
      port: z.number().int().min(0).max(65_535).default(METRICS_PORT),
    }),
  ],
  { error: '{"port": 0 to 65535, "address": a loopback address} or {"socket": a path}' },
);
