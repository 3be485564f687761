// Configurations of any size, as a file has them.
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FIRST_UNIT_ADDRESS = 0x71000003;
const TARGETS_A_BUS = 64;
/** Bytes of a sparse image: nothing is written to it. */
const IMAGE_SIZE = 1 << 26;

/**
 * Units spread evenly over adapters.
 * @param backend "memory", or "file" for sparse images in the folder
 * @param guests each adapter is that of a guest with a socket in the folder; else of a partition of the daemon's
 */
export function configuration({ folder, adapters, units, backend = "memory", size = "1M", guests = false }) {
  mkdirSync(folder, { recursive: true });
  const places = Array.from({ length: adapters }, (_, adapter) => ({
    unitAddress: `0x${(FIRST_UNIT_ADDRESS + adapter).toString(16)}`,
    ...(guests && { guest: `guest${adapter}` }),
    logicalUnits: Array.from({ length: Math.ceil((units - adapter) / adapters) }, (_, index) => ({
      bus: Math.floor(index / TARGETS_A_BUS),
      target: index % TARGETS_A_BUS,
      backend: backend === "memory" ? { type: "memory", size } : { type: "file", path: image(folder, adapter, index) },
    })),
  }));
  const names = guests ? places.map(({ guest }) => ({ name: guest, socket: join(folder, `${guest}.sock`) })) : [];
  return { version: 1, log: { level: "warn" }, guests: names, adapters: places };
}

/** Writes a configuration to a folder. @returns its path */
export function configurationFile(options) {
  const whole = { ...configuration(options), log: { level: "info", format: "json" } };
  const path = join(options.folder, "configuration.json");
  const metrics = { socket: join(options.folder, "metrics.sock") };
  writeFileSync(path, JSON.stringify({ ...whole, metrics }));
  return path;
}

function image(folder, adapter, index) {
  const path = join(folder, `disk-${adapter}-${index}.img`);
  writeFileSync(path, "");
  truncateSync(path, IMAGE_SIZE);
  return path;
}
