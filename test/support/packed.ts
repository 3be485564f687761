import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
const OUTPUT_MOST = 64 << 20;

/** Packs the package as it is built by now. @returns the tarball, in `folder` */
export function pack(folder: string): string {
  const answer = execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: OUTPUT_MOST,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ filename }] = JSON.parse(answer) as [{ filename: string }];
  return join(folder, filename);
}

/** A project of a newcomer: what would be published, unpacked in its node_modules, and a copy of an example. */
export class Newcomer implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "vscsi-newcomer-"));

  constructor(example: string) {
    const place = join(this.folder, "node_modules/vscsi-target");
    mkdirSync(place, { recursive: true });
    execFileSync("tar", ["-xzf", pack(this.folder), "-C", place, "--strip-components=1"]);
    cpSync(join(ROOT, "examples", example), this.folder, { recursive: true });
  }

  /** Runs a program in the folder. @returns the lines of its standard output @throws when it fails */
  run(program: string, ...words: string[]): string[] {
    return execFileSync(program, words, { cwd: this.folder, encoding: "utf8", timeout: 60_000 }).trimEnd().split("\n");
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
