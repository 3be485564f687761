// Runs the core's conformance vectors in Node: node main.js [core|portable|twin]
import { readFileSync } from "node:fs";
import { createTwin, instantiate, moduleUrls, SharedMemory } from "vscsi-target/core";
import { runVector, vectorUrls } from "vscsi-target/vectors";

const [build = "core"] = process.argv.slice(2);
const module = build === "twin" ? undefined : await WebAssembly.compile(readFileSync(moduleUrls[build]));

for (const url of vectorUrls) {
  const vector = JSON.parse(readFileSync(url, "utf8"));
  const memory = new SharedMemory(vector.memory / 65_536, build !== "portable");
  const core = module ? await instantiate(module, memory.memory) : createTwin(memory);
  const { passed, line } = runVector(vector, core, memory.memory);
  console.log(line);
  if (!passed) process.exitCode = 1;
}
