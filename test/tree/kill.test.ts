import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { configDocument } from "../../src/config/document.ts";
import { checkConfig } from "../../src/config/load.ts";
import { callDaemon } from "../../src/control/client.ts";
import { silentLog } from "../../src/core/log.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { type Change, RandomChanges } from "./random-changes.ts";

const WORKER = resolve(import.meta.dirname, "killed-daemon.mjs");
const CHANGES = 500;
/** Every how many changes the daemon is killed; 1 takes eight minutes (npm run test:kill). */
const CHANGES_A_KILL = Number(process.env.VSCSI_CHANGES_A_KILL ?? 20);
const SEED = Number(process.env.VSCSI_SEED ?? 20_261_125);

const folder = mkdtempSync(join(tmpdir(), "vscsi-kill-"));
const control = join(folder, "control.sock");
const state = join(folder, "state");
/** Each daemon has images of its own: one would keep the other from them. */
const images = join(folder, "killed");
const judgeImages = join(folder, "judge");
afterAll(() => rmSync(folder, { recursive: true }));

/** A daemon in a process of its own. Its modules are loaded while the one before it still lives. */
class KilledDaemon {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async load(): Promise<KilledDaemon> {
    const child = fork(WORKER, [state, control], { stdio: ["ignore", "inherit", "inherit", "ipc"], execArgv: [] });
    await once(child, "message");
    return new KilledDaemon(child);
  }

  async start(): Promise<void> {
    this.#child.send("start");
    const [answer] = await once(this.#child, "message");
    if (answer !== "started") throw new Error(`the daemon did not come up: ${answer}`);
  }

  async kill(): Promise<void> {
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}

function make({ method, params }: Change): Promise<unknown> {
  return callDaemon(control, method, params).catch((error: Error) => error);
}

test(`kill -9 among ${CHANGES} changes: the state is the one before or the one after`, {
  timeout: 900_000,
}, async () => {
  for (const directory of [images, judgeImages]) {
    mkdirSync(directory);
    for (const name of ["a.img", "b.img", "c.img"]) writeFileSync(join(directory, name), new Uint8Array(1 << 20));
  }
  const changes = new RandomChanges(SEED, images);
  // What each change leads to is judged by a second daemon, which makes them all and is never killed.
  const judgeControl = join(folder, "judge.sock");
  const judge = await Daemon.start(checkConfig({ version: 1, control: judgeControl }, "judge"), silentLog);
  const judged = () => comparable(configDocument(judge.running.config));
  const running = async () => comparable(await callDaemon(control, "configuration.get"));
  const seen = { before: 0, after: 0 };
  let daemon = await KilledDaemon.load();
  await daemon.start();
  let next = await KilledDaemon.load();
  try {
    for (let count = 1; count <= CHANGES; count++) {
      const change = changes.next();
      const before = judged();
      const after = () => judged();
      const kills = count % CHANGES_A_KILL === 0;
      const pending = make(change);
      if (kills) {
        // Somewhere between the sending of the change and some time after its answer.
        await new Promise((done) => setTimeout(done, changes.random() * 12));
        await daemon.kill();
      }
      const answer = await pending;
      await callDaemon(judgeControl, change.method, elsewhere(change.params)).catch(() => {});
      const answered = !(answer instanceof Error);
      if (kills) {
        daemon = next;
        await daemon.start();
        next = await KilledDaemon.load();
        const found = await running();
        const told = `change ${count}, seed ${SEED}: ${JSON.stringify(change)}`;
        // An answered change is durable; an unanswered one is there as a whole, or not at all.
        expect(answered ? [after()] : [before, after()], told).toContainEqual(found);
        if (before !== after()) seen[found === before ? "before" : "after"]++;
        if (found !== after()) await make(change);
      }
      expect(await running(), `change ${count}, seed ${SEED}: ${JSON.stringify(change)}`).toBe(after());
    }
  } finally {
    await Promise.all([daemon.kill(), next.kill()]);
    await judge.stop();
  }
  // Otherwise the kills came too early or too late to test anything.
  expect(Math.min(seen.before, seen.after)).toBeGreaterThan(0);
});

/** The same for the judge, whose images are elsewhere. */
function elsewhere(params: object): object {
  return JSON.parse(JSON.stringify(params).replaceAll(images, judgeImages));
}

/** What two daemons can have in common. */
function comparable(document: object): string {
  return JSON.stringify({ ...document, control: undefined }).replaceAll(judgeImages, images);
}
