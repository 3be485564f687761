import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const ROOT = resolve(import.meta.dirname, "../..");
const OUTPUT_MOST = 64 << 20;
const PATIENCE = 120_000;

/** Packs the package as it is built by now. @returns the tarball, in `folder`, and the paths in it */
export function pack(folder: string): { tarball: string; files: string[] } {
  const answer = execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: OUTPUT_MOST,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ filename, files }] = JSON.parse(answer) as [{ filename: string; files: { path: string }[] }];
  return { tarball: join(folder, filename), files: files.map(({ path }) => path) };
}

/** The folder of a newcomer: what would be published, unpacked in node_modules, and copies of examples beside it. */
export class Newcomer implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "vscsi-newcomer-"));
  /** Where the package is. */
  readonly place = join(this.folder, "node_modules/vscsi-target");

  /** Dependencies are the repository's own. */
  constructor(...examples: string[]) {
    mkdirSync(this.place, { recursive: true });
    const { tarball } = pack(this.folder);
    execFileSync("tar", ["-xzf", tarball, "-C", this.place, "--strip-components=1"]);
    symlinkSync(join(ROOT, "node_modules"), join(this.place, "node_modules"));
    for (const name of examples) {
      cpSync(join(ROOT, "examples", name), this.example(name), { recursive: true });
      symlinkSync("../node_modules", join(this.example(name), "node_modules"));
    }
  }

  /** The copy of an example. */
  example(name: string): string {
    return join(this.folder, name);
  }

  /** Runs a program in the copy of an example. @returns the lines of its standard output @throws when it fails */
  run(example: string, program: string, ...words: string[]): string[] {
    const options = { cwd: this.example(example), encoding: "utf8", timeout: PATIENCE } as const;
    return execFileSync(program, words, { ...options, stdio: ["ignore", "pipe", "ignore"] })
      .trimEnd()
      .split("\n");
  }

  /** As {@link run}, while this process does other things. */
  async runBeside(example: string, program: string, ...words: string[]): Promise<string[]> {
    const options = { cwd: this.example(example), timeout: PATIENCE, killSignal: "SIGKILL" } as const;
    const { stdout } = await promisify(execFile)(program, words, options);
    return stdout.trimEnd().split("\n");
  }

  /** What stands in a file of an example. */
  text(example: string, file: string): string {
    return readFileSync(join(this.example(example), file), "utf8");
  }

  /** Paths of the vectors. */
  vectors(): string[] {
    const folder = join(this.place, "vectors");
    const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
    return names.map((name) => join(folder, name));
  }

  /** A new, empty folder within. */
  fresh(prefix: string): string {
    return mkdtempSync(join(this.folder, prefix));
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
