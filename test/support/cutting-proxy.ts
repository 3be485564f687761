import { connect, createServer, type Server, type Socket } from "node:net";

/** Passes TCP connections on, and cuts them when so many bytes have gone through, be it in the middle of a word. */
export class CuttingProxy {
  readonly #server: Server;
  readonly #to: number;
  /** Bytes that the next connection may carry. */
  readonly #next: () => number;
  /** Connections so far. */
  connections = 0;

  private constructor(to: number, next: () => number) {
    this.#to = to;
    this.#next = next;
    this.#server = createServer((socket) => this.#pass(socket));
  }

  static async start(to: number, next: () => number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(to, next);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  close(): void {
    this.#server.close();
  }

  #pass(near: Socket): void {
    this.connections++;
    const far = connect(this.#to, "127.0.0.1");
    let left = this.#next();
    const cut = () => {
      near.destroy();
      far.destroy();
    };
    const carry = (to: Socket) => (chunk: Buffer) => {
      to.write(chunk.subarray(0, left));
      left -= chunk.length;
      // What was written before goes out first.
      if (left <= 0) to.end(cut);
    };
    near.on("data", carry(far)).on("error", cut).on("close", cut);
    far.on("data", carry(near)).on("error", cut).on("close", cut);
  }
}
