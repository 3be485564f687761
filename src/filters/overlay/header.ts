import { crc32 } from "node:zlib";
import { SAMPLE_COUNT, SAMPLE_DIGEST } from "./base-samples.ts";
import { CLUSTER_SHIFT_LEAST, CLUSTER_SHIFT_MOST } from "./layout.ts";

export const HEADER_SIZE = 512;
const MAGIC = Buffer.from("VSCSIOVL", "latin1");
const VERSION = 1;
export const BOOT_ID_LENGTH = 16;

// Places of the fields; numbers are little-endian. docs/overlay.md.
const AT_VERSION = 8;
const AT_CHECKSUM = 12;
const AT_GENERATION = 16;
const AT_CLUSTER_SHIFT = 24;
const AT_STATE = 28;
const AT_BASE_SIZE = 32;
const AT_BOOT_ID = 40;
const AT_SAMPLES = 64;
const AT_END = AT_SAMPLES + SAMPLE_COUNT * SAMPLE_DIGEST;

const ORDINARY = 0;
const MERGING = 1;

/** What the header of an overlay's file says. */
export interface OverlayHeader {
  /** Counts the headers that were written: of two, the higher one holds. */
  readonly generation: number;
  /** log2 of the bytes of a cluster. */
  readonly clusterShift: number;
  /** A merge has begun: where the overlay has clusters, the base may have them already. */
  readonly merging: boolean;
  readonly baseSize: number;
  /** The boot of the machine since which the recent map can be believed. */
  readonly bootId: Uint8Array;
  /** Digests of pieces of the base. */
  readonly samples: Uint8Array;
}

export function encodeHeader(header: OverlayHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_SIZE);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(VERSION, AT_VERSION);
  bytes.writeBigUInt64LE(BigInt(header.generation), AT_GENERATION);
  bytes.writeUInt32LE(header.clusterShift, AT_CLUSTER_SHIFT);
  bytes.writeUInt32LE(header.merging ? MERGING : ORDINARY, AT_STATE);
  bytes.writeBigUInt64LE(BigInt(header.baseSize), AT_BASE_SIZE);
  bytes.set(header.bootId, AT_BOOT_ID);
  bytes.set(header.samples, AT_SAMPLES);
  bytes.writeUInt32LE(crc32(bytes), AT_CHECKSUM);
  return bytes;
}

/** Why a header can't be used. */
export interface HeaderFault {
  readonly fault: string;
  /** It was written as it is. Otherwise its writing may have been interrupted, and the other one holds. */
  readonly whole: boolean;
}

/** Reads a header. */
export function decodeHeader(bytes: Buffer): OverlayHeader | HeaderFault {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return { fault: "is no overlay", whole: false };
  const checked = Buffer.from(bytes);
  checked.writeUInt32LE(0, AT_CHECKSUM);
  if (crc32(checked) !== bytes.readUInt32LE(AT_CHECKSUM)) return { fault: "its header is damaged", whole: false };
  const version = bytes.readUInt32LE(AT_VERSION);
  if (version !== VERSION)
    return { fault: `is an overlay of version ${version}, and this program knows version ${VERSION}`, whole: true };
  const clusterShift = bytes.readUInt32LE(AT_CLUSTER_SHIFT);
  const state = bytes.readUInt32LE(AT_STATE);
  const generation = Number(bytes.readBigUInt64LE(AT_GENERATION));
  const baseSize = Number(bytes.readBigUInt64LE(AT_BASE_SIZE));
  const fits =
    clusterShift >= CLUSTER_SHIFT_LEAST &&
    clusterShift <= CLUSTER_SHIFT_MOST &&
    state <= MERGING &&
    Number.isSafeInteger(generation) &&
    Number.isSafeInteger(baseSize) &&
    bytes.subarray(AT_BOOT_ID + BOOT_ID_LENGTH, AT_SAMPLES).every((byte) => byte === 0) &&
    bytes.subarray(AT_END).every((byte) => byte === 0);
  if (!fits) return { fault: "its header says what no overlay has", whole: true };
  const bootId = Uint8Array.from(bytes.subarray(AT_BOOT_ID, AT_BOOT_ID + BOOT_ID_LENGTH));
  const samples = Uint8Array.from(bytes.subarray(AT_SAMPLES, AT_END));
  return { generation, clusterShift, merging: state === MERGING, baseSize, bootId, samples };
}
