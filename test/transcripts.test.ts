import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseTranscript, TranscriptRunner } from "./transcripts/transcript.ts";

const FOLDER = join(import.meta.dirname, "transcripts");

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".md"))) {
  const { title, steps } = parseTranscript(readFileSync(join(FOLDER, file), "utf8"));
  test(`${file}: ${title}`, () => {
    const runner = new TranscriptRunner();
    for (const step of steps) {
      const outcome = runner.run(step);
      if (outcome) expect(outcome.found, `${file}:${step.at} ${step.what}`).toEqual(outcome.expected);
    }
  });
}
