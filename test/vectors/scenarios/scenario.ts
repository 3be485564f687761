import { TCE_READ, TCE_WRITE } from "../../../src/abi/papr.ts";
import { KIND_SRP, SLOT_IU, SLOT_IU_LENGTH, SLOT_KIND, SLOT_RESPONSE, SLOT_TAG } from "../../../src/abi/records.ts";
import type { CoreExports } from "../../../src/core/exports.ts";
import type { Side } from "../../core/side.ts";
import { bytes } from "../../target/raw-client.ts";

/** What an embedder's own calls may look like: laid out by hand, one subject each. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly staged?: boolean;
  run(side: Side, core: CoreExports): void;
}

/** Tells of an IU of 256 bytes at IOBA 0x10200. */
export const ENTRY = "80010000007801000000000000010200";
/** READ(10) of 4096 bytes to IOBA 0x40000, which is not mapped here. */
export const READ_DIRECT = command("01", "0000", "28000000080000000800", direct(0x40000, 0x1000));

/** CMD of tag 11223344 55667705 to target 1: byte 5, bytes 6 and 7, CDB, what follows it; `middle` is bytes 20 to 31. */
export function command(
  formats: string,
  counts: string,
  cdb: string,
  descriptors: string,
  middle = "81".padEnd(24, "0"),
): string {
  return `0200000000${formats}${counts}112233445566770500000000${middle}${cdb.padEnd(32, "0")}${descriptors}`;
}

/** 32 bits, big-endian. */
export function word(value: number): string {
  return value.toString(16).padStart(8, "0");
}

/** A direct descriptor. */
export function direct(ioba: number, length: number): string {
  return `00000000${word(ioba)}00000000${word(length)}`;
}

/** Writes bytes that are given in hexadecimal. */
export function put(side: Side, address: number, text: string): void {
  side.memory.u8.set(bytes(text), address);
}

/** Puts an IU into a slot as drain() does, and decodes it. */
export function decode(
  side: Side,
  core: CoreExports,
  text: string,
  { kind = KIND_SRP, staged = 0, length = 0 } = {},
): void {
  const slot = side.records.slot(0);
  side.memory.u8.fill(0, slot + SLOT_TAG, slot + SLOT_RESPONSE);
  put(side, slot + SLOT_IU, text);
  side.set(slot + SLOT_KIND, kind);
  side.set(slot + SLOT_IU_LENGTH, length || text.length / 2);
  core.srp_decode(side.records.address, slot, staged);
}

/** I/O pages 0 to 7 are partition pages 2 to 9; 8 is page 20, 9 is read-only, 10 write-only, 11 leaves the partition. */
export function mapPages(side: Side): void {
  for (let page = 0; page < 8; page++) side.map(page, page + 2, TCE_READ | TCE_WRITE);
  side.map(8, 20, TCE_READ | TCE_WRITE);
  side.map(9, 21, TCE_READ);
  side.map(10, 22, TCE_WRITE);
  side.map(11, 500, TCE_READ | TCE_WRITE);
}

/** Bytes that differ from their neighbours. */
export function fill(side: Side, address: number, length: number, seed: number): void {
  for (let at = 0; at < length; at++) side.memory.u8[address + at] = (at * 7 + seed) & 0xff;
}
