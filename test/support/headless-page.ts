import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** Without a window, and without a word to any other machine. */
const HEADLESS = `--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
  --disable-component-update --disable-sync --remote-debugging-pipe`.split(/\s+/);
const PATIENCE = 90_000;
const BETWEEN_LOOKS = 50;

interface Message {
  readonly id?: number;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/**
 * Opens a page in headless Chromium, by its debugging protocol on descriptors 3 and 4, and waits for a value on it: what
 * `--dump-dom` waits for does not count WebAssembly that is being compiled.
 * @param expression JavaScript: undefined or null until there is something
 * @param profile an empty folder
 */
export async function valueOnPage(url: string, expression: string, profile: string): Promise<unknown> {
  const words = [...HEADLESS, `--user-data-dir=${profile}`, "about:blank"];
  const chromium = spawn("chromium", words, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  try {
    const protocol = new DebuggingProtocol(chromium);
    const { targetId } = await protocol.call("Target.createTarget", { url });
    const { sessionId } = await protocol.call("Target.attachToTarget", { targetId, flatten: true });
    const deadline = Date.now() + PATIENCE;
    while (Date.now() < deadline) {
      const value = await protocol.evaluate(expression, sessionId);
      if (value !== undefined && value !== null) return value;
      await sleep(BETWEEN_LOOKS);
    }
    throw new Error(`${url} showed nothing within ${PATIENCE} ms`);
  } finally {
    const ended = once(chromium, "exit");
    chromium.kill("SIGKILL");
    await ended;
  }
}

/** Calls of the Chrome DevTools protocol: JSON with a zero byte behind it, both ways. */
class DebuggingProtocol {
  readonly #to: Writable;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #gone: Promise<never>;
  #text = "";
  #lastId = 0;

  constructor(chromium: ChildProcess) {
    const [, , , to, from] = chromium.stdio;
    this.#to = to as Writable;
    (from as Readable).setEncoding("utf8").on("data", (text: string) => this.#take(text));
    this.#gone = once(chromium, "exit").then(([status]) => {
      throw new Error(`chromium ended with status ${status}`);
    });
    this.#gone.catch(() => {});
    this.#to.on("error", () => {});
  }

  /** @returns undefined while the page is on its way and nothing can be evaluated, too */
  async evaluate(expression: string, sessionId: unknown): Promise<unknown> {
    const { result } = await this.#ask("Runtime.evaluate", { expression, returnByValue: true }, sessionId);
    return Reflect.get(Object(result?.result), "value");
  }

  /** @throws Error that Chromium tells, or when it ends */
  async call(method: string, params: object): Promise<Readonly<Record<string, unknown>>> {
    const { result, error } = await this.#ask(method, params);
    if (result === undefined) throw new Error(`${method}: ${error?.message}`);
    return result;
  }

  #ask(method: string, params: object, sessionId?: unknown): Promise<Message> {
    const id = ++this.#lastId;
    const answer = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    this.#to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return Promise.race([answer, this.#gone]);
  }

  #take(text: string): void {
    const messages = (this.#text + text).split("\0");
    this.#text = messages.pop() ?? "";
    for (const json of messages) {
      const message: Message = JSON.parse(json);
      if (message.id === undefined) continue;
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    }
  }
}
