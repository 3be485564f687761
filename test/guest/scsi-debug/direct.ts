import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

/** What sg_raw was told: the device's own word. */
export interface DirectAnswer {
  /** In hexadecimal, "" without any. */
  sense: string;
  data: Buffer;
}

const OUT = "/tmp/out";
const IN = "/tmp/in";
const SENSE_AT = "Raw sense data";

/** Sends a command to a device past the daemon, with sg3_utils' sg_raw. */
export function sgRaw(device: string, cdb: readonly number[], length = 0, dataOut?: Uint8Array): DirectAnswer {
  const bytes = cdb.map((byte) => byte.toString(16).padStart(2, "0"));
  const transfer = dataOut === undefined ? ["-r", String(length), "-o", OUT] : ["-s", String(dataOut.length), "-i", IN];
  if (dataOut !== undefined) writeFileSync(IN, dataOut);
  writeFileSync(OUT, "");
  const { stderr } = spawnSync(
    "sg_raw",
    ["-v", ...(length > 0 || dataOut ? transfer : []), "-t", "20", device, ...bytes],
    { encoding: "utf8" },
  );
  return { sense: senseIn(stderr), data: readFileSync(OUT) };
}

function senseIn(text: string): string {
  const at = text.indexOf(SENSE_AT);
  if (at < 0) return "";
  const lines = text.slice(at).split("\n").slice(1);
  const bytes: string[] = [];
  for (const line of lines) {
    const found = /^\s*(?:[0-9a-f]{2}\s+)+/.exec(`${line} `)?.[0];
    if (found === undefined) break;
    bytes.push(...found.trim().split(/\s+/));
  }
  return bytes.join(" ");
}
