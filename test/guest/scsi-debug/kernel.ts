import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const DRIVER = "/sys/bus/pseudo/drivers/scsi_debug";
const PATIENCE = 100;

/** Loads scsi_debug with one device. @returns its nodes, by how commands go there */
export async function loadDevice(parameters: Record<string, number>): Promise<Record<string, string>> {
  execFileSync("modprobe", ["scsi_debug", ...Object.entries(parameters).map(([name, value]) => `${name}=${value}`)]);
  const [sg] = await entries("/sys/class/scsi_generic");
  const [bsg] = await entries("/dev/bsg");
  const nodes: Record<string, string> = { sg: `/dev/${sg}`, bsg: `/dev/bsg/${bsg}` };
  const block = `/sys/class/scsi_generic/${sg}/device/block`;
  if (parameters.ptype === 0) nodes.block = `/dev/${(await entries(block))[0]}`;
  for (const node of Object.values(nodes))
    for (let tries = 0; tries < PATIENCE && !existsSync(node); tries++) await sleep(50);
  return nodes;
}

export function unloadDevice(): void {
  execFileSync("rmmod", ["scsi_debug"]);
}

/** Changes how scsi_debug behaves; it refuses while it has commands. */
export async function behave(name: "opts" | "every_nth" | "delay", value: number): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return writeFileSync(`${DRIVER}/${name}`, String(value));
    } catch (error) {
      if (tries >= PATIENCE) throw error;
      await sleep(50);
    }
  }
}

async function entries(folder: string): Promise<string[]> {
  for (let tries = 0; tries < PATIENCE; tries++) {
    const found = existsSync(folder) ? readdirSync(folder) : [];
    if (found.length > 0) return found;
    await sleep(50);
  }
  throw new Error(`${folder} stays empty`);
}
