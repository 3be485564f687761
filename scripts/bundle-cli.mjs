// Puts the compiled command and the packages that it uses into a few files: a process that loads hundreds of modules is
// slow to start. What only a daemon needs is in files of its own.
import { readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { rolldown } from "rolldown";

const folder = resolve(import.meta.dirname, "../dist/cli");
const CHUNK = "part-";

for (const name of readdirSync(folder)) if (name.startsWith(CHUNK)) rmSync(join(folder, name));
const bundle = await rolldown({
  input: join(folder, "main.js"),
  platform: "node",
  // It has a binary for each platform beside it.
  external: ["koffi"],
});
await bundle.write({
  // At the same depth as what was compiled: files of the package are found from here.
  dir: folder,
  format: "esm",
  sourcemap: true,
  chunkFileNames: `${CHUNK}[name]-[hash].js`,
});
await bundle.close();
