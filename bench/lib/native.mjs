// The core in C: built from bench/native against constants made from src/abi, run in a process of its own that stays up.
import { execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { wordsOf } from "./work.mjs";

const ROOT = resolve(import.meta.dirname, "../..");
const SOURCE = join(ROOT, "bench/native");
const BUILD = join(ROOT, "build/bench");
const ABI = ["crq", "mad", "papr", "records", "scsi", "srp"];

/** Whether there is a C compiler. */
export function hasCompiler() {
  try {
    execFileSync("cc", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function build() {
  mkdirSync(BUILD, { recursive: true });
  const lines = ["#pragma once"];
  for (const name of ABI)
    for (const [constant, value] of Object.entries(await import(`../../dist/abi/${name}.js`)))
      if (typeof value === "number") lines.push(`#define ${constant} (${value})`);
  writeFileSync(join(BUILD, "abi.h"), `${lines.join("\n")}\n`);
  const sources = readdirSync(SOURCE).filter((file) => file.endsWith(".c"));
  const program = join(BUILD, "native");
  const files = sources.map((file) => join(SOURCE, file));
  // One translation unit, as the WebAssembly module is one.
  execFileSync("cc", ["-O3", "-flto", "-std=gnu11", "-Wall", `-I${BUILD}`, "-o", program, ...files], {
    stdio: "inherit",
  });
  return program;
}

/** A running native core. */
export class Native {
  // Images of linear memory go through it: better no disk.
  #folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "vscsi-native-"));
  #child;
  #lines;

  static async start() {
    return new Native(await build());
  }

  /** @param {string} program */
  constructor(program) {
    this.#child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Takes over the memory of a core in this process. @param {Uint8Array} image */
  async takeImage(image) {
    const file = join(this.#folder, "image");
    writeFileSync(file, image);
    await this.#ask(`image ${file}`);
  }

  /**
   * @param {string} name names the work from now on
   * @param {import("./work.mjs").Work} work
   */
  takeWork(name, work) {
    writeFileSync(join(this.#folder, name), wordsOf(work));
  }

  /** Nanoseconds a sample: the median of a round. @param {string} name @param {number} milliseconds */
  async round(name, milliseconds) {
    await this.#ask(`work ${join(this.#folder, name)}`);
    return Number(await this.#ask(`run ${milliseconds}`));
  }

  /** Runs one sample and reads the memory. @param {string} name @param {Uint8Array} bytes */
  async dump(name, bytes) {
    const file = join(this.#folder, "dump");
    await this.#ask(`work ${join(this.#folder, name)}`);
    await this.#ask(`dump ${file}`);
    const fd = openSync(file, "r");
    const length = readSync(fd, bytes);
    closeSync(fd);
    if (length !== bytes.length) throw new Error(`the native core gave ${length} of ${bytes.length} bytes`);
  }

  stop() {
    this.#child.stdin.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** @param {string} line */
  async #ask(line) {
    this.#child.stdin.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the native core ended at "${line}"`);
    return value;
  }
}
