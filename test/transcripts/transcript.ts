import { silentLog } from "../../src/core/log.ts";
import type { SharedMemory } from "../../src/core/shared-memory.ts";
import { lunKey } from "../../src/scsi/lun.ts";
import { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import type { PairOptions } from "../papr/pair.ts";
import { makeDisk } from "../support/disk.ts";
import { PatternStore } from "../support/pattern-store.ts";
import { RawClient } from "../target/raw-client.ts";

const DISK_BYTES = 8 << 20;
const DUMP_LINE = 16;

/** A fenced block of a transcript: its first word, the rest of that line, and its lines. */
export interface Step {
  readonly what: string;
  readonly argument: string;
  readonly lines: readonly string[];
  /** Line of the file, for messages. */
  readonly at: number;
}

/** Reads the fenced blocks of a Markdown file. Whatever stands between them is for people. */
export function parseTranscript(text: string): { title: string; steps: Step[] } {
  const lines = text.split("\n");
  const steps: Step[] = [];
  for (let at = 0; at < lines.length; at++) {
    const fence = /^```(\S+) ?(.*)$/.exec(lines[at] ?? "");
    if (!fence) continue;
    const end = lines.indexOf("```", at + 1);
    if (end < 0) throw new Error(`line ${at + 1}: the block does not end`);
    steps.push({ what: fence[1] ?? "", argument: fence[2] ?? "", lines: lines.slice(at + 1, end), at: at + 1 });
    at = end;
  }
  return { title: (lines[0] ?? "").replace(/^# /, ""), steps };
}

/** Bytes of a dump: "0010  00 01 …" with `*` for "as the line before, up to the next offset"; offsets are optional. */
export function parseDump(lines: readonly string[]): Uint8Array {
  const bytes: number[] = [];
  let repeat = false;
  for (const line of lines) {
    if (line.trim() === "*") {
      repeat = true;
      continue;
    }
    const parts = /^(?:([0-9a-f]{4,})(?: {2}|$))?(.*)$/.exec(line.trim());
    const offset = Number.parseInt(parts?.[1] ?? "", 16);
    while (repeat && bytes.length < offset) bytes.push(...bytes.slice(-DUMP_LINE));
    repeat = false;
    if (offset >= 0 && offset !== bytes.length)
      throw new Error(`the dump goes on at ${bytes.length}, not at ${offset}`);
    bytes.push(...Buffer.from((parts?.[2] ?? "").replaceAll(" ", ""), "hex"));
  }
  return Uint8Array.from(bytes);
}

/** The world a transcript runs in: disks of 8 MiB at targets 1 and 2; every byte of block n begins as the low byte of n. */
export class TranscriptRunner {
  readonly client: RawClient;
  readonly #stores: PatternStore[] = [];

  constructor(hypervisor: PairOptions = {}) {
    this.client = new RawClient({ makeDevice: ({ memory }) => this.#device(memory), hypervisor });
  }

  /** Does a step or gives what was found, in the transcript's own form, for comparison with `expected`. */
  run(step: Step): { found: unknown; expected: unknown } | undefined {
    const { client } = this;
    switch (step.what) {
      case "given":
        if (step.argument === "logged-in") client.login();
        else if (step.argument === "connected") client.connect();
        else client.server.start();
        return undefined;
      case "register":
        client.register();
        return undefined;
      case "memory":
        client.write(Number(step.argument), parseDump(step.lines));
        return undefined;
      case "send":
        client.send(...step.lines.map(plain));
        return undefined;
      case "receive":
        return { found: client.receive(), expected: step.lines.map(plain) };
      case "expect": {
        const expected = parseDump(step.lines);
        const found = client.read(Number(step.argument), expected.length);
        return { found, expected: Buffer.from(expected).toString("hex") };
      }
      case "disk": {
        const [target = "", offset = ""] = step.argument.split(" ");
        const expected = parseDump(step.lines);
        const found = this.#readDisk(Number(target), Number(offset), expected.length);
        return { found, expected: Buffer.from(expected).toString("hex") };
      }
      case "state":
        return { found: client.server.state, expected: step.argument };
      case "events":
        return { found: client.events, expected: step.lines };
      default:
        throw new Error(`line ${step.at}: no step is called ${step.what}`);
    }
  }

  #device(memory: SharedMemory): ScsiTargetDevice {
    const device = new ScsiTargetDevice(silentLog);
    for (const target of [1, 2]) {
      const store = new PatternStore(memory, DISK_BYTES);
      this.#stores.push(store);
      device.addLogicalUnit(lunKey({ bus: 0, target, lun: 0 }), makeDisk(store));
    }
    return device;
  }

  #readDisk(target: number, offset: number, length: number): string {
    return Buffer.from(this.#stores[target - 1]?.bytes.slice(offset, offset + length) ?? []).toString("hex");
  }
}

function plain(line: string): string {
  return line.replaceAll(" ", "");
}
