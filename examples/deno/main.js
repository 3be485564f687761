// Runs the core's conformance vectors in Deno: deno run --allow-read=. main.js [core|portable|twin]
import { createTwin, instantiate, moduleUrls, SharedMemory } from "vscsi-target/core";
import { runVector, vectorUrls } from "vscsi-target/vectors";

const [build = "core"] = Deno.args;
const module = build === "twin" ? undefined : await WebAssembly.compile(await Deno.readFile(moduleUrls[build]));

for (const url of vectorUrls) {
  const vector = JSON.parse(await Deno.readTextFile(url));
  const memory = new SharedMemory(vector.memory / 65_536, build !== "portable");
  const core = module ? await instantiate(module, memory.memory) : createTwin(memory);
  const { passed, line } = runVector(vector, core, memory.memory);
  console.log(line);
  if (!passed) Deno.exitCode = 1;
}
