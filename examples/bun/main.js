// Runs the core's conformance vectors in Bun: bun main.js [core|portable|twin]
import { createTwin, instantiate, moduleUrls, SharedMemory } from "vscsi-target/core";
import { runVector, vectorUrls } from "vscsi-target/vectors";

const [build = "core"] = process.argv.slice(2);
const module = build === "twin" ? undefined : await WebAssembly.compile(await Bun.file(moduleUrls[build]).bytes());

for (const url of vectorUrls) {
  const vector = await Bun.file(url).json();
  const memory = new SharedMemory(vector.memory / 65_536, build !== "portable");
  const core = module ? await instantiate(module, memory.memory) : createTwin(memory);
  const { passed, line } = runVector(vector, core, memory.memory);
  console.log(line);
  if (!passed) process.exitCode = 1;
}
