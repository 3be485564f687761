import { closeSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { WIRE_AREA_HALF } from "./wire.ts";

/** Where its pages are memory and nothing writes them to a disk; second best is any place for temporary files. */
const FOLDERS = ["/dev/shm", tmpdir()];

let made = 0;

/**
 * The data area (qemu/PROTOCOL.md): a file that has no name, which the bridge maps and we read and write with system
 * calls. So a bridge that cuts it short can't kill the daemon. Its first half is the bridge's, its second ours; each is
 * a ring that is given back in the order in which it was used. A position counts bytes since the area was made, modulo
 * 2^32; its place is the position modulo the half.
 */
export class DataArea {
  readonly #fd: number;
  /** The bridge has mapped it. */
  mapped = false;
  /** Of the bridge's half: up to where we have taken it. */
  taken = 0;
  /** Of our half: where the next data goes, and up to where the bridge has taken it. */
  #next = 0;
  #returned = 0;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** @returns undefined where no such file can be made: data then goes through the socket */
  static make(): DataArea | undefined {
    for (const folder of FOLDERS) {
      const path = join(folder, `vscsi-area-${process.pid}-${made++}`);
      try {
        const area = new DataArea(openSync(path, "wx+", 0o600));
        unlinkSync(path);
        return area;
      } catch {
        // The next folder may do.
      }
    }
    return undefined;
  }

  /** How a process of the same user opens it. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#fd}`;
  }

  /**
   * Copies what the bridge has put there to linear memory.
   * @returns false when that is not all in the bridge's half
   */
  read(memory: SharedMemory, position: number, length: number, address: number): boolean {
    const place = position % WIRE_AREA_HALF;
    if (!this.mapped || place + length > WIRE_AREA_HALF) return false;
    this.took(position, length);
    return readSync(this.#fd, memory.u8, address, length, place) === length;
  }

  /** What the bridge has put there may be overwritten. */
  took(position: number, length: number): void {
    this.taken = (position + length) >>> 0;
  }

  /**
   * Copies linear memory to our half.
   * @returns its position, or -1 when there is no room
   */
  write(memory: SharedMemory, address: number, length: number): number {
    if (!this.mapped || length > WIRE_AREA_HALF) return -1;
    const place = this.#next % WIRE_AREA_HALF;
    const empty = this.#next === this.#returned;
    // Data is never cut in two. An empty ring begins anew where the caches are warm.
    const skipped = (empty ? place > 0 : place + length > WIRE_AREA_HALF) ? WIRE_AREA_HALF - place : 0;
    const position = (this.#next + skipped) >>> 0;
    const end = (position + length) >>> 0;
    if (!empty && (end - this.#returned) >>> 0 > WIRE_AREA_HALF) return -1;
    if (!this.#put(memory, address, length, WIRE_AREA_HALF + (position % WIRE_AREA_HALF))) return -1;
    if (empty) this.#returned = position;
    this.#next = end;
    return position;
  }

  /** Without the memory for its pages, which a bridge may have cut off, data goes through the socket. */
  #put(memory: SharedMemory, address: number, length: number, place: number): boolean {
    try {
      return writeSync(this.#fd, memory.u8, address, length, place) === length;
    } catch {
      return false;
    }
  }

  /** The bridge has taken our half up to there. What it told before the ring began anew is behind us. */
  givenBack(position: number): void {
    if ((position - this.#returned) >>> 0 <= (this.#next - this.#returned) >>> 0) this.#returned = position;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
