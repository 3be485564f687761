import { z } from "zod";

const IDENTIFIER_MAXIMUM = 0xffff;
const indices = (what: string) =>
  z.array(z.number().int().min(0)).default([]).describe(`which ${what}, counted from 0`);

/** An entry of "portGroups": ports of the daemon that share an asymmetric access state. [SPC-4] 5.15. */
const portGroup = z
  .strictObject({
    identifier: z.number().int().min(1).max(IDENTIFIER_MAXIMUM),
    adapters: indices('"adapters"'),
    portals: indices('"iscsi.portals"'),
    state: z
      .enum(["active/optimized", "active/non-optimized", "standby", "unavailable"])
      .default("active/optimized")
      .describe("when the daemon starts; initiators may set another"),
    preferred: z.boolean().default(false),
  })
  .refine(({ adapters, portals }) => adapters.length + portals.length > 0, "at least one adapter or portal");

export const portGroups = z
  .array(portGroup)
  .default([])
  .refine((groups) => new Set(groups.map(({ identifier }) => identifier)).size === groups.length, {
    message: "each identifier once",
  });

export type PortGroupConfig = z.output<typeof portGroup>;

interface Ports {
  readonly portGroups: readonly PortGroupConfig[];
  readonly adapters: readonly unknown[];
  readonly iscsi?: { readonly portals: readonly unknown[] } | undefined;
}

/** With port groups every adapter and every portal stands in exactly one. */
export function checkPortGroups(config: Ports, context: z.core.$RefinementCtx): void {
  const { portGroups: groups, adapters, iscsi } = config;
  if (groups.length === 0) return;
  const wrong = (message: string) => context.addIssue({ code: "custom", path: ["portGroups"], message });
  for (const [key, count] of [
    ["adapters", adapters.length],
    ["portals", iscsi?.portals.length ?? 0],
  ] as const) {
    const named = groups.flatMap((group) => group[key]).sort((a, b) => a - b);
    const each = named.length === count && named.every((index, position) => index === position);
    if (!each) wrong(`each of the ${count} ${key} in exactly one group`);
  }
}
