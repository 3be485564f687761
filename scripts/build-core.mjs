// Builds the core: build/core.wasm (threads, SIMD, shared memory), build/core.portable.wasm (neither) and
// build/core.debug.wasm (as core.wasm, not optimised). Does nothing when they are newer than their sources.
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import asc from "assemblyscript/asc";

const root = resolve(import.meta.dirname, "..");
const MEMORY_PAGES_MAXIMUM = "65536";

const common = ["assembly/index.ts", "--runtime", "stub", "--use", "abort=", "--importMemory", "--memoryBase", "1024"];
const shared = ["--sharedMemory", "--maximumMemory", MEMORY_PAGES_MAXIMUM, "--enable", "threads,simd"];
const optimised = ["-O3", "--noAssert"];
const builds = {
  core: [...shared, ...optimised, "--textFile", "build/core.wat"],
  "core.debug": shared,
  "core.portable": ["--maximumMemory", MEMORY_PAGES_MAXIMUM, ...optimised],
};

const files = (folder) =>
  readdirSync(join(root, folder), { recursive: true }).map((file) => join(root, folder, String(file)));
const newest = Math.max(
  ...[...files("assembly"), ...files("src/abi"), import.meta.filename].map((file) => statSync(file).mtimeMs),
);

mkdirSync(join(root, "build"), { recursive: true });
for (const [name, flags] of Object.entries(builds)) {
  const output = `build/${name}.wasm`;
  const built = statSync(join(root, output), { throwIfNoEntry: false });
  if (built && built.mtimeMs > newest) continue;
  const { error, stderr } = await asc.main([...common, ...flags, "--outFile", output, "--baseDir", root]);
  if (error) {
    console.error(`${stderr.toString()}\n${output}: ${error.message}`);
    process.exit(1);
  }
  console.log(`${output}: ${statSync(join(root, output)).size} bytes`);
}
