import {
  EXTENT_IOBA_HIGH,
  EXTENT_IOBA_LOW,
  EXTENT_LENGTH,
  EXTENT_SIZE,
  SLOT_EXTENT_COUNT,
  SLOT_EXTENTS,
} from "../../abi/records.ts";
import { WIRE_COPY_MAX } from "./wire.ts";

const WORD = 2 ** 32;

/** Walks over a slot's buffer piece by piece, a message each. One is used again for every request. */
export class ExtentWalk {
  /** IOBA of the piece that `next` gave. */
  high = 0;
  low = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #extent = 0;
  #end = 0;
  /** Bytes of the current extent that are behind us. */
  #behind = 0;

  begin(view: DataView, slot: number, offset: number): void {
    this.#view = view;
    this.#extent = slot + SLOT_EXTENTS;
    this.#end = this.#extent + view.getUint32(slot + SLOT_EXTENT_COUNT, true) * EXTENT_SIZE;
    this.#behind = offset;
  }

  /** @returns bytes of the next piece, at most `limit`; 0 at the end of the buffer */
  next(limit: number): number {
    for (; this.#extent < this.#end; this.#extent += EXTENT_SIZE) {
      const size = this.#view.getUint32(this.#extent + EXTENT_LENGTH, true);
      if (this.#behind >= size) {
        this.#behind -= size;
        continue;
      }
      const low = this.#view.getUint32(this.#extent + EXTENT_IOBA_LOW, true) + this.#behind;
      this.high = this.#view.getUint32(this.#extent + EXTENT_IOBA_HIGH, true) + (low >= WORD ? 1 : 0);
      this.low = low >>> 0;
      const piece = Math.min(limit, size - this.#behind, WIRE_COPY_MAX);
      this.#behind += piece;
      return piece;
    }
    return 0;
  }
}
