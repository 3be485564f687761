import { closeSync, writeSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { SG_QUEUE_MAXIMUM } from "../abi/sg.ts";
import type { SharedMemory } from "../core/shared-memory.ts";
import {
  freeMailbox,
  HEAD_ENDED,
  HEAD_SLEEPS,
  HEAD_STOP,
  type MailboxPlace,
  makeMailbox,
  SLOT_ASKED,
  SLOT_ENDED,
  SLOT_FREE,
  SLOT_SENDING,
  SLOT_STATE,
  slotAt,
} from "./sg-mailbox.ts";
import { type SgNode, SgNodeError } from "./sg-node.ts";
import type { OpenedSgNode, SgWorkerData, SgWorkerNews } from "./sg-worker-data.ts";

/** The same from the compiled file and from the bundle, which stand at one depth; the tests run sources, and have both. */
const PROGRAM = new URL(
  import.meta.url.endsWith(".ts") ? "../../dist/host/sg-worker.js" : "../host/sg-worker.js",
  import.meta.url,
);
/** Milliseconds that a worker may take to end: longer takes only one that the kernel holds. */
const STOP_PATIENCE = 5_000;
/** Calls under way at a time unless told: each needs a thread. */
const LANES = 4;
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);

/** `Atomics.waitAsync`, which Node 20 has and its types do not. */
interface AsyncWaiting {
  waitAsync(
    words: Int32Array,
    index: number,
    value: number,
  ): { async: false; value: string } | { async: true; value: Promise<string> };
}
const { waitAsync } = Atomics as unknown as AsyncWaiting;

/** The threads of one open device, and the mailbox that they have in common with the daemon's own. */
export class SgChannel {
  readonly node: SgNode;
  /** Commands that may be under way. */
  readonly depth: number;
  readonly #mailbox: MailboxPlace;
  readonly #memory: SharedMemory;
  readonly #eventfd: number | undefined;
  readonly #workers: Worker[] = [];
  /** Lanes that have their thread. */
  readonly #started = new Set<number>([0]);
  /** Some thread is gone that should not be. */
  #broken: string | undefined;
  #closed = false;
  /** Told of a slot whose result stands. */
  onEnd: (slot: number) => void = () => {};

  private constructor(
    memory: SharedMemory,
    mailbox: MailboxPlace,
    opened: OpenedSgNode,
    worker: Worker,
    depth: number,
  ) {
    this.node = opened;
    this.depth = depth;
    this.#mailbox = mailbox;
    this.#memory = memory;
    this.#eventfd = opened.eventfd;
    this.#take(worker);
    void this.#watch();
  }

  /**
   * Opens a node, on a thread of its own.
   * @param wanted commands that may be under way; sg takes SG_QUEUE_MAXIMUM at most, which is also its usual depth
   * @throws SgNodeError
   */
  static async open(memory: SharedMemory, path: string, wanted?: number): Promise<SgChannel> {
    const mailbox = makeMailbox(memory, wanted ?? SG_QUEUE_MAXIMUM);
    const worker = startThread({ do: "open", path, memory: memory.memory, mailbox });
    try {
      const opened = (await firstNews(worker)) as OpenedSgNode;
      const depth = opened.interface === "queue" ? Math.min(mailbox.slots, SG_QUEUE_MAXIMUM) : (wanted ?? LANES);
      return new SgChannel(memory, mailbox, opened, worker, depth);
    } catch (error) {
      freeMailbox(memory, mailbox);
      throw error;
    }
  }

  /** Why no command can be given to it any more; undefined while all is well. */
  get broken(): string | undefined {
    return this.#broken;
  }

  /** Linear address of a slot's fields. */
  slot(index: number): number {
    return slotAt(this.#mailbox, index);
  }

  /** Gives a slot, whose fields stand, to the kernel. */
  send(index: number): void {
    const { i32 } = this.#memory;
    const state = (this.slot(index) + SLOT_STATE) >> 2;
    Atomics.store(i32, state, SLOT_ASKED);
    if (this.#eventfd === undefined) this.#startLane(index);
    if (this.#eventfd === undefined) Atomics.notify(i32, state);
    else if (Atomics.exchange(i32, (this.#mailbox.offset + HEAD_SLEEPS) >> 2, 0) === 1) writeSync(this.#eventfd, ONE);
  }

  /** True while a slot's command is on its way into the kernel, which may yet read its memory. */
  isSending(index: number): boolean {
    return Atomics.load(this.#memory.i32, (this.slot(index) + SLOT_STATE) >> 2) === SLOT_SENDING;
  }

  /** Resets the logical unit. @returns 0 or a negative errno */
  async reset(): Promise<number> {
    const { offset } = this.#mailbox;
    const argument = this.#memory.allocate(64);
    try {
      const { fd } = this.node;
      const data = { do: "reset", fd, argument, memory: this.#memory.memory, mailbox: { offset, slots: 0 } } as const;
      const news = await firstNews(startThread(data));
      return "result" in news ? news.result : 0;
    } finally {
      this.#memory.free(argument, 64);
    }
  }

  /** Ends the threads and closes the node. @returns false when the kernel holds one of them: memory of ours is in its hands still */
  async close(): Promise<boolean> {
    if (this.#closed) return true;
    this.#closed = true;
    const { i32 } = this.#memory;
    Atomics.store(i32, (this.#mailbox.offset + HEAD_STOP) >> 2, 1);
    const gone = Promise.all(this.#workers.map((worker) => new Promise((resolve) => worker.once("exit", resolve))));
    for (let index = 0; index < this.#mailbox.slots; index++) Atomics.notify(i32, (this.slot(index) + SLOT_STATE) >> 2);
    if (this.#eventfd !== undefined) writeSync(this.#eventfd, ONE);
    Atomics.notify(i32, (this.#mailbox.offset + HEAD_ENDED) >> 2);
    const ended = await Promise.race([gone.then(() => true), patience()]);
    closeSync(this.node.fd);
    if (!ended) {
      for (const worker of this.#workers) worker.unref();
      return false;
    }
    if (this.#eventfd !== undefined) closeSync(this.#eventfd);
    freeMailbox(this.#memory, this.#mailbox);
    return true;
  }

  /** Lanes get their threads when they are first needed. */
  #startLane(slot: number): void {
    if (this.#started.has(slot)) return;
    this.#started.add(slot);
    const { fd, interface: way } = this.node;
    const { memory } = this.#memory;
    this.#take(startThread({ do: "lane", fd, slot, interface: way, memory, mailbox: this.#mailbox }));
  }

  #take(worker: Worker): void {
    const broke = (reason: string) => {
      this.#broken ??= reason;
    };
    worker.on("error", (error) => broke(error.message));
    worker.on("message", (news: SgWorkerNews) => "failure" in news && broke(news.failure));
    this.#workers.push(worker);
  }

  /** One wait a wake-up, however many commands have ended. */
  async #watch(): Promise<void> {
    while (!this.#closed) {
      const { i32 } = this.#memory;
      const counter = (this.#mailbox.offset + HEAD_ENDED) >> 2;
      const seen = Atomics.load(i32, counter);
      this.#takeEnded();
      const waiting = waitAsync(i32, counter, seen);
      if (waiting.async) await waiting.value;
    }
  }

  #takeEnded(): void {
    for (let index = 0; index < this.#mailbox.slots; index++) {
      const { i32 } = this.#memory;
      const state = (this.slot(index) + SLOT_STATE) >> 2;
      if (Atomics.load(i32, state) !== SLOT_ENDED) continue;
      Atomics.store(i32, state, SLOT_FREE);
      this.onEnd(index);
    }
  }
}

function startThread(workerData: SgWorkerData): Worker {
  // The node that a thread has opened outlives it.
  return new Worker(PROGRAM, { workerData, trackUnmanagedFds: false });
}

/** What a thread tells first. @throws SgNodeError */
async function firstNews(worker: Worker): Promise<SgWorkerNews> {
  const news = await new Promise<SgWorkerNews>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the thread of a SCSI device ended without an answer")));
  });
  if ("failure" in news) throw new SgNodeError(news.failure, news.errno);
  return news;
}

function patience(): Promise<false> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(false), STOP_PATIENCE).unref();
  });
}
