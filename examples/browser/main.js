// Runs the core's conformance vectors in a browser: index.html?core, ?portable or ?twin
import { createTwin, instantiate, moduleUrls, SharedMemory } from "vscsi-target/core";
import { runVector, vectorUrls } from "vscsi-target/vectors";

const lines = document.getElementById("lines");
// Memory can be shared only on a page that the server has isolated from other origins.
const build = location.search.slice(1) || (crossOriginIsolated ? "core" : "portable");

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response;
}

try {
  const bytes = build === "twin" ? undefined : await (await fetched(moduleUrls[build])).arrayBuffer();
  const module = bytes && (await WebAssembly.compile(bytes));
  for (const url of vectorUrls) {
    const vector = await (await fetched(url)).json();
    const memory = new SharedMemory(vector.memory / 65_536, build === "core");
    const core = module ? await instantiate(module, memory.memory) : createTwin(memory);
    lines.append(`${runVector(vector, core, memory.memory).line}\n`);
  }
} catch (error) {
  lines.append(`${error}\n`);
}
document.title = "Done";
