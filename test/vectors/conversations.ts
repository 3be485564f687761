import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import { loadWasmCore } from "../../src/core/wasm.ts";
import type { Vector } from "../../vectors/index.js";
import { parseTranscript, TranscriptRunner } from "../transcripts/transcript.ts";
import { Recorder } from "./recorder.ts";

const FOLDER = join(import.meta.dirname, "../transcripts");
/** As much as the transcripts' addresses need. */
const CLIENT_MEMORY = 0x100000;

/** The core's part in each transcript, which must come out as it is written there. */
export function conversations(): Vector[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(".md"))
    .map((file) => {
      const memory = new SharedMemory();
      const recorder = new Recorder(memory, loadWasmCore(memory));
      const { title, steps } = parseTranscript(readFileSync(join(FOLDER, file), "utf8"));
      const runner = new TranscriptRunner({ memory, core: recorder.core, clientMemory: CLIENT_MEMORY });
      for (const step of steps) {
        const outcome = runner.run(step);
        if (outcome !== undefined && JSON.stringify(outcome.found) !== JSON.stringify(outcome.expected))
          throw new Error(`${file}:${step.at}: ${step.what} is not as written`);
      }
      return recorder.vector(basename(file, ".md"), title);
    });
}
