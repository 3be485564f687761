// A backend from outside the package: a disk whose bytes an HTTP server has, read by ranges.
import { STORE_PENDING } from "vscsi-target";

const EIO = -5;
const EROFS = -30;
/** Milliseconds that the server may take for one read. */
const PATIENCE = 10_000;

/** A BlockStore, by its shape. */
export class HttpStore {
  kind = "http";
  readOnly = true;
  physicalBlockSize = 512;
  #memory;
  #url;

  /** @throws Error when the server does not tell the length */
  static async open(memory, url) {
    const response = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(PATIENCE) });
    const size = Number(response.headers.get("content-length"));
    if (!response.ok || !(size > 0)) throw new Error(`${url}: no length to be had (status ${response.status})`);
    return new HttpStore(memory, url, size);
  }

  constructor(memory, url, size) {
    this.#memory = memory;
    this.#url = url;
    this.size = size;
    this.description = String(url);
  }

  // Returns at once; the completion is told once, later, with 0 or a negative errno.
  read(offset, address, length, completion) {
    this.#fetch(offset, address, length).then(
      () => completion.storeDone(0),
      () => completion.storeDone(EIO),
    );
    return STORE_PENDING;
  }

  write() {
    return EROFS;
  }

  // Nothing was written: everything is on stable storage.
  flush() {
    return 0;
  }

  async close() {}

  async #fetch(offset, address, length) {
    const headers = { range: `bytes=${offset}-${offset + length - 1}` };
    const response = await fetch(this.#url, { headers, signal: AbortSignal.timeout(PATIENCE) });
    if (response.status !== 206) throw new Error(`status ${response.status}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length !== length) throw new Error(`${bytes.length} bytes instead of ${length}`);
    // The views are made anew when memory has grown: taken now, not before the wait.
    this.#memory.u8.set(bytes, address);
  }
}
