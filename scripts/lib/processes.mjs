// @ts-check
// Children that end with us: their output goes to a file, and a signal that ends us ends them first.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

/** How long a server may take to come up or to end, in milliseconds; a loaded machine is slow. */
const PATIENCE = 20_000;
const POLL = 50;

/**
 * Runs a command to its end.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string} what it printed
 * @throws {Error} with what it printed, when its exit status isn't 0
 */
export function run(command, args, env) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: PATIENCE, env });
  if (error) throw new Error(`${command}: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: exit status ${status}\n${stderr}${stdout}`);
  return stdout;
}

/**
 * Starts a server that runs until `stop`.
 *
 * @param {object} what
 * @param {string} what.command
 * @param {readonly string[]} what.args
 * @param {string} what.log file for its output
 * @param {() => boolean} what.answers whether it is up
 * @param {NodeJS.ProcessEnv} [what.env]
 * @returns {Promise<() => Promise<void>>} ends it
 */
export async function startServer({ command, args, log, answers, env }) {
  const output = openSync(log, "w");
  const child = spawn(command, args, { stdio: ["ignore", output, output], env });
  const ended = once(child, "exit");
  ended.catch(() => {});
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
    await ended;
    clearTimeout(timer);
  };
  const deadline = Date.now() + PATIENCE;
  while (!answers()) {
    if (child.pid === undefined || child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`${command} ${args.join(" ")}: did not come up:\n${readFileSync(log, "utf8")}`);
    }
    await new Promise((done) => setTimeout(done, POLL));
  }
  return stop;
}

/**
 * Runs a command, giving its output line by line.
 *
 * @param {object} what
 * @param {string} what.command
 * @param {readonly string[]} what.args
 * @param {NodeJS.ProcessEnv} what.env
 * @param {string} what.log file for its output
 * @param {(line: string) => void} what.onLine
 * @param {number} what.timeout milliseconds until it is killed
 * @param {AbortSignal} what.signal ends it
 * @returns {Promise<string>} how it ended: "exit status 0", "SIGSEGV"
 */
export async function follow({ command, args, env, log, onLine, timeout, signal }) {
  const file = createWriteStream(log);
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env,
    signal,
    timeout,
    killSignal: "SIGKILL",
  });
  const ended = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, name) => resolve(name ?? `exit status ${code}`));
  });
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", (line) => {
      file.write(`${line}\n`);
      onLine(line);
    });
  try {
    return await ended;
  } finally {
    await new Promise((done) => file.end(done));
  }
}

/**
 * A TCP port of 127.0.0.1 that was free a moment ago, for a server that can't choose its own.
 *
 * @returns {Promise<number>}
 */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("127.0.0.1: no free TCP port");
  return address.port;
}
