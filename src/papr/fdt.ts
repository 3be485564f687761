import type { DeviceTreeNode } from "./device-tree.ts";
import { bigEndian, propertyBytes, terminated } from "./property-value.ts";

// [Devicetree] Specification v0.4, clause 5, Flattened Devicetree (DTB) Format.
const FDT_MAGIC = 0xd00dfeed;
const FDT_VERSION = 17;
const FDT_LAST_COMPATIBLE_VERSION = 16;
const FDT_BEGIN_NODE = 1;
const FDT_END_NODE = 2;
const FDT_PROP = 3;
const FDT_END = 9;
/** Ten words. */
const FDT_HEADER_LENGTH = 40;
/** One entry of two zero doublewords ends the list. */
const FDT_RESERVE_MAP_LENGTH = 16;

/** Makes the flattened blob of a device tree, version 17. */
export function flattenDeviceTree(root: DeviceTreeNode): Uint8Array {
  const structure = new Structure();
  structure.node(root);
  structure.word(FDT_END);
  const body = structure.bytes();
  const strings = structure.strings.bytes();
  const structureOffset = FDT_HEADER_LENGTH + FDT_RESERVE_MAP_LENGTH;
  const stringsOffset = structureOffset + body.length;
  const blob = new Uint8Array(stringsOffset + strings.length);
  const header = [
    FDT_MAGIC,
    blob.length,
    structureOffset,
    stringsOffset,
    FDT_HEADER_LENGTH,
    FDT_VERSION,
    FDT_LAST_COMPATIBLE_VERSION,
    0, // boot CPU
    strings.length,
    body.length,
  ];
  const view = new DataView(blob.buffer);
  for (const [index, word] of header.entries()) view.setUint32(index * 4, word);
  blob.set(body, structureOffset);
  blob.set(strings, stringsOffset);
  return blob;
}

/** The structure block: tokens and what belongs to them, each on a 4-byte boundary. */
class Structure {
  readonly strings = new Strings();
  readonly #bytes: number[] = [];

  node({ name, properties, children }: DeviceTreeNode): void {
    this.word(FDT_BEGIN_NODE);
    this.#append(terminated(name));
    for (const [property, value] of properties) {
      const bytes = propertyBytes(value);
      this.word(FDT_PROP);
      this.word(bytes.length);
      this.word(this.strings.offset(property));
      this.#append(bytes);
    }
    for (const child of children) this.node(child);
    this.word(FDT_END_NODE);
  }

  word(value: number): void {
    this.#bytes.push(...bigEndian(value));
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #append(bytes: readonly number[]): void {
    this.#bytes.push(...bytes);
    while (this.#bytes.length % 4 !== 0) this.#bytes.push(0);
  }
}

/** The strings block: property names, each once. */
class Strings {
  readonly #offsets = new Map<string, number>();
  readonly #bytes: number[] = [];

  offset(name: string): number {
    const known = this.#offsets.get(name);
    if (known !== undefined) return known;
    const offset = this.#bytes.length;
    this.#offsets.set(name, offset);
    this.#bytes.push(...terminated(name));
    return offset;
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}
