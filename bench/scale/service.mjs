// A daemon as a user starts it, and what its commands and its mount take.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const CLI = resolve(import.meta.dirname, "../../dist/cli/main.js");

/** Where the tree can be mounted. */
export const mountable = process.getuid?.() === 0;

export class Service {
  /** Milliseconds from the start of the process until it served. */
  milliseconds = 0;
  #folder;
  #child;

  /** Starts `vscsi serve` with the configuration of a folder, and waits until it serves. */
  static async start(folder) {
    const service = new Service();
    service.#folder = folder;
    const mount = mountable ? ["--mount", join(folder, "mount")] : [];
    const args = ["--config", join(folder, "configuration.json"), "--control", join(folder, "control.sock")];
    const begun = performance.now();
    service.#child = spawn(process.execPath, [CLI, "serve", ...args, ...mount, "--state", join(folder, "state")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let log = "";
    for await (const line of createInterface(service.#child.stderr)) {
      log += `${line}\n`;
      if (line.includes('"msg":"serving"')) {
        service.milliseconds = performance.now() - begun;
        break;
      }
    }
    if (service.milliseconds === 0) throw new Error(`the daemon did not come up:\n${log}`);
    service.#child.stderr.resume();
    return service;
  }

  /** Bytes of memory that are resident. */
  get resident() {
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.#child.pid}/status`, "utf8"));
    return Number(kibibytes) * 1024;
  }

  /** Runs `vscsi` with these words. @returns its milliseconds and the lines that it printed */
  vscsi(...words) {
    return timed(process.execPath, [CLI, ...words, "--control", join(this.#folder, "control.sock")]);
  }

  /** Lists the mount. Never by a synchronous call, and never with the mount as its working folder. */
  list(flags) {
    const mount = join(this.#folder, "mount");
    return timed("timeout", ["-s", "KILL", "60", "env", "-i", `PATH=${process.env.PATH}`, "ls", flags, mount]);
  }

  /** Reads /metrics. */
  async scrape() {
    const begun = performance.now();
    const [answer] = await once(
      request({ socketPath: join(this.#folder, "metrics.sock"), path: "/metrics" }).end(),
      "response",
    );
    let lines = 0;
    for await (const chunk of answer.setEncoding("utf8")) lines += chunk.split("\n").length - 1;
    return { milliseconds: performance.now() - begun, lines };
  }

  async stop() {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await ended;
  }
}

async function timed(command, args) {
  const begun = performance.now();
  const child = spawn(command, args, { cwd: "/", stdio: ["ignore", "pipe", "inherit"] });
  let lines = 0;
  child.stdout.on("data", (bytes) => {
    for (const byte of bytes) if (byte === 0x0a) lines++;
  });
  const [status] = await once(child, "close");
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: exit status ${status}`);
  return { milliseconds: performance.now() - begun, lines };
}

/**
 * How much longer things take than on a machine that has nothing else to do: Node's own start, by the clock and by the
 * processor.
 */
export async function nodeItself() {
  const print = "process.stdout.write(JSON.stringify(process.cpuUsage()))";
  const begun = performance.now();
  const child = spawn(process.execPath, ["-e", print], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part) => {
    text += part;
  });
  await once(child, "close");
  const milliseconds = performance.now() - begun;
  const { user, system } = JSON.parse(text);
  return { milliseconds, slowdown: Math.max(1, (milliseconds * 1000) / (user + system)) };
}
