import {
  COPY_FLAGS,
  COPY_FLAGS_RESERVED,
  COPY_HEADER_LENGTH,
  COPY_INLINE_LENGTH,
  COPY_LIST_IDENTIFIER,
  COPY_SEGMENT_LIST_LENGTH,
  COPY_TARGET_LIST_LENGTH,
  LIST_ID_NONE,
  LIST_ID_RESERVED,
  LIST_ID_USAGE_MASK,
  LIST_ID_USAGE_SHIFT,
  SEGMENT_BLOCK_TO_BLOCK,
  SEGMENT_BLOCKS,
  SEGMENT_CONTINUE,
  SEGMENT_DESCRIPTOR_LENGTH,
  SEGMENT_DESTINATION,
  SEGMENT_DESTINATION_COUNT,
  SEGMENT_DESTINATION_LBA,
  SEGMENT_FLAGS,
  SEGMENT_LENGTH,
  SEGMENT_SOURCE,
  SEGMENT_SOURCE_LBA,
  SEGMENT_UNCOUNTED,
  TARGET_BLOCK_LENGTH_MASK,
  TARGET_CODE_SET,
  TARGET_DESCRIPTOR_LENGTH,
  TARGET_DESIGNATOR,
  TARGET_DESIGNATOR_LENGTH,
  TARGET_DESIGNATOR_MAXIMUM,
  TARGET_DESIGNATOR_TYPE,
  TARGET_DEVICE_TYPE,
  TARGET_FLAGS,
  TARGET_IDENTIFICATION,
  TARGET_NUL,
  TARGET_PAD,
  TARGET_TYPE_SPECIFIC,
  TARGET_UNIT_IDENTIFIER_TYPE,
} from "../../abi/copy.ts";
import { LIST_TOO_SHORT, ParameterFault, wrongParameter } from "../parameter-fault.ts";
import {
  INLINE_DATA_LENGTH_EXCEEDED,
  PARAMETER_LIST_LENGTH_ERROR,
  TOO_MANY_SEGMENT_DESCRIPTORS,
  TOO_MANY_TARGET_DESCRIPTORS,
  UNSUPPORTED_SEGMENT_DESCRIPTOR,
  UNSUPPORTED_TARGET_DESCRIPTOR,
} from "../sense.ts";
import { type Blocks, blocks } from "../units.ts";
import { ASSOCIATION_MASK, CODE_SET_MASK, DESIGNATOR_TYPE_MASK, type Designator } from "./designators.ts";
import { DESCRIPTOR_LISTS_MAXIMUM, SEGMENT_DESCRIPTORS_MAXIMUM, TARGET_DESCRIPTORS_MAXIMUM } from "./limits.ts";

/** A copy target device as an initiator names it. */
export interface CopyTarget {
  /** Undefined for the null device. */
  readonly designator: Designator | undefined;
  readonly deviceType: number;
  /** PAD: a partial block is padded with zeros when written, the rest of one that was read is dropped. */
  readonly pad: boolean;
  /** DISK BLOCK LENGTH in bytes. */
  readonly blockLength: number;
}

/** Blocks to copy from one block device to another. */
export interface CopySegment {
  /** Indexes of copy targets; may name none. */
  readonly source: number;
  readonly destination: number;
  /** DC: `count` is blocks of the destination, not of the source. */
  readonly countsDestination: boolean;
  /** CAT: what does not fill a block goes on into the next segment. */
  readonly continues: boolean;
  readonly count: Blocks;
  readonly sourceBlock: Blocks;
  readonly destinationBlock: Blocks;
}

export interface CopyList {
  /** Undefined when the initiator will not ask for the result. */
  readonly identifier: number | undefined;
  readonly targets: readonly CopyTarget[];
  readonly segments: readonly CopySegment[];
}

const TWO_TO_32 = 0x1_0000_0000;

/** Reads an EXTENDED COPY (LID1) parameter list. [SPC-4] 6.4. */
export function parseCopyList(list: Uint8Array): CopyList | ParameterFault {
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  if (list.length < COPY_HEADER_LENGTH) return LIST_TOO_SHORT;
  const targetsLength = view.getUint16(COPY_TARGET_LIST_LENGTH);
  const segmentsLength = view.getUint32(COPY_SEGMENT_LIST_LENGTH);
  const fault = faultOfHeader(view, targetsLength, segmentsLength);
  if (fault !== undefined) return fault;
  const targets: CopyTarget[] = [];
  const segmentsAt = COPY_HEADER_LENGTH + targetsLength;
  for (let at = COPY_HEADER_LENGTH; at < segmentsAt; at += TARGET_DESCRIPTOR_LENGTH) {
    const target = parseTarget(view, at);
    if (target instanceof ParameterFault) return target;
    targets.push(target);
  }
  const segments: CopySegment[] = [];
  for (let at = segmentsAt; at < segmentsAt + segmentsLength; at += SEGMENT_LENGTH) {
    const segment = parseSegment(view, at, segmentsAt + segmentsLength);
    if (segment instanceof ParameterFault) return segment;
    segments.push(segment);
  }
  const identifier = usage(view) === LIST_ID_NONE ? undefined : view.getUint8(COPY_LIST_IDENTIFIER);
  return { identifier, targets, segments };
}

function usage(list: DataView): number {
  return (list.getUint8(COPY_FLAGS) >> LIST_ID_USAGE_SHIFT) & LIST_ID_USAGE_MASK;
}

function faultOfHeader(list: DataView, targetsLength: number, segmentsLength: number): ParameterFault | undefined {
  const inlineLength = list.getUint32(COPY_INLINE_LENGTH);
  if (COPY_HEADER_LENGTH + targetsLength + segmentsLength + inlineLength > list.byteLength) return LIST_TOO_SHORT;
  if (targetsLength + segmentsLength > DESCRIPTOR_LISTS_MAXIMUM) return new ParameterFault(PARAMETER_LIST_LENGTH_ERROR);
  // No segment of ours takes inline data.
  if (inlineLength > 0) return new ParameterFault(INLINE_DATA_LENGTH_EXCEEDED, { fieldPointer: COPY_INLINE_LENGTH });
  if ((list.getUint8(COPY_FLAGS) & COPY_FLAGS_RESERVED) !== 0) return wrongParameter(COPY_FLAGS, 7);
  if (usage(list) === LIST_ID_RESERVED) return wrongParameter(COPY_FLAGS, 4);
  if (usage(list) === LIST_ID_NONE && list.getUint8(COPY_LIST_IDENTIFIER) !== 0)
    return wrongParameter(COPY_LIST_IDENTIFIER);
  if (targetsLength % TARGET_DESCRIPTOR_LENGTH !== 0) return wrongParameter(COPY_TARGET_LIST_LENGTH);
  if (targetsLength > TARGET_DESCRIPTORS_MAXIMUM * TARGET_DESCRIPTOR_LENGTH)
    return new ParameterFault(TOO_MANY_TARGET_DESCRIPTORS, { fieldPointer: COPY_TARGET_LIST_LENGTH });
  if (segmentsLength > SEGMENT_DESCRIPTORS_MAXIMUM * SEGMENT_LENGTH)
    return new ParameterFault(TOO_MANY_SEGMENT_DESCRIPTORS, { fieldPointer: COPY_SEGMENT_LIST_LENGTH });
  return undefined;
}

/** Identification descriptor. [SPC-4] 6.4.5.3. */
function parseTarget(list: DataView, at: number): CopyTarget | ParameterFault {
  if (list.getUint8(at) !== TARGET_IDENTIFICATION)
    return new ParameterFault(UNSUPPORTED_TARGET_DESCRIPTOR, { fieldPointer: at });
  const flags = list.getUint8(at + TARGET_FLAGS);
  if ((flags & TARGET_UNIT_IDENTIFIER_TYPE) !== 0) return wrongParameter(at + TARGET_FLAGS, 7);
  const length = list.getUint8(at + TARGET_DESIGNATOR_LENGTH);
  if (length > TARGET_DESIGNATOR_MAXIMUM) return wrongParameter(at + TARGET_DESIGNATOR_LENGTH);
  const type = list.getUint8(at + TARGET_DESIGNATOR_TYPE);
  const bytes = new Uint8Array(list.buffer, list.byteOffset + at + TARGET_DESIGNATOR, length).slice();
  const designator = {
    codeSet: list.getUint8(at + TARGET_CODE_SET) & CODE_SET_MASK,
    association: type & ASSOCIATION_MASK,
    type: type & DESIGNATOR_TYPE_MASK,
    bytes,
  };
  return {
    designator: (flags & TARGET_NUL) === 0 ? designator : undefined,
    deviceType: flags & TARGET_DEVICE_TYPE,
    pad: (list.getUint8(at + TARGET_TYPE_SPECIFIC) & TARGET_PAD) !== 0,
    blockLength: list.getUint32(at + TARGET_TYPE_SPECIFIC) & TARGET_BLOCK_LENGTH_MASK,
  };
}

/** Block device to block device. [SPC-4] 6.4.6.4. */
function parseSegment(list: DataView, at: number, end: number): CopySegment | ParameterFault {
  if (list.getUint8(at) !== SEGMENT_BLOCK_TO_BLOCK)
    return new ParameterFault(UNSUPPORTED_SEGMENT_DESCRIPTOR, { fieldPointer: at });
  if (at + SEGMENT_LENGTH > end) return LIST_TOO_SHORT;
  if (list.getUint16(at + SEGMENT_DESCRIPTOR_LENGTH) !== SEGMENT_LENGTH - SEGMENT_UNCOUNTED)
    return wrongParameter(at + SEGMENT_DESCRIPTOR_LENGTH);
  const flags = list.getUint8(at + SEGMENT_FLAGS);
  return {
    source: list.getUint16(at + SEGMENT_SOURCE),
    destination: list.getUint16(at + SEGMENT_DESTINATION),
    countsDestination: (flags & SEGMENT_DESTINATION_COUNT) !== 0,
    continues: (flags & SEGMENT_CONTINUE) !== 0,
    count: blocks(list.getUint16(at + SEGMENT_BLOCKS)),
    sourceBlock: block64(list, at + SEGMENT_SOURCE_LBA),
    destinationBlock: block64(list, at + SEGMENT_DESTINATION_LBA),
  };
}

/** A 64-bit LBA, as a number below 2^53 or beyond every disk. */
function block64(list: DataView, at: number): Blocks {
  return blocks(list.getUint32(at) * TWO_TO_32 + list.getUint32(at + 4));
}
