declare const unit: unique symbol;

/** A number of logical blocks, or a logical block address. */
export type Blocks = number & { readonly [unit]: "blocks" };
/** A number of bytes, or a byte offset. */
export type Bytes = number & { readonly [unit]: "bytes" };

export function blocks(count: number): Blocks {
  return count as Blocks;
}

/** The only way from blocks to bytes. */
export function bytesIn(count: Blocks, blockSize: number): Bytes {
  return (count * blockSize) as Bytes;
}

/** Whole blocks that `length` bytes hold. */
export function wholeBlocks(length: number, blockSize: number): Blocks {
  return Math.floor(length / blockSize) as Blocks;
}
