/** EXTENDED COPY parameter lists as an initiator writes them. */

export interface TargetFields {
  designator: readonly number[];
  codeSet?: number;
  type?: number;
  deviceType?: number;
  flags?: number;
  pad?: boolean;
  blockLength?: number;
}

export interface SegmentFields {
  from?: number;
  to?: number;
  blocks: number;
  source?: number;
  destination?: number;
  /** 1 CAT, 2 DC. */
  flags?: number;
}

function bytes(value: number, length: number): number[] {
  return Array.from({ length }, (_, at) => Math.floor(value / 2 ** (8 * (length - 1 - at))) & 0xff);
}

export function target(fields: TargetFields): number[] {
  const { designator, codeSet = 1, type = 3, deviceType = 0, flags = 0, pad = false, blockLength = 512 } = fields;
  const room = [...designator, ...Array(20).fill(0)].slice(0, 20);
  const head = [0xe4, flags | deviceType, 0, 0, codeSet, type, 0, designator.length];
  return [...head, ...room, pad ? 4 : 0, ...bytes(blockLength, 3)];
}

export function segment({ from = 0, to = 0, blocks, source = 0, destination = 0, flags = 0 }: SegmentFields): number[] {
  const head = [0x02, flags, 0, 24, ...bytes(source, 2), ...bytes(destination, 2), 0, 0];
  return [...head, ...bytes(blocks, 2), ...bytes(from, 8), ...bytes(to, 8)];
}

export interface ListFields {
  targets: readonly number[][];
  segments: readonly number[][];
  identifier?: number;
  /** LIST ID USAGE. */
  usage?: number;
  inlineLength?: number;
}

export function copyList(fields: ListFields): Uint8Array {
  const { targets, segments, identifier = 1, usage = 0, inlineLength = 0 } = fields;
  const [targetBytes, segmentBytes] = [targets.flat(), segments.flat()];
  const lengths = [...bytes(targetBytes.length, 2), 0, 0, 0, 0, ...bytes(segmentBytes.length, 4)];
  const head = [identifier, usage << 3, ...lengths, ...bytes(inlineLength, 4)];
  return Uint8Array.from([...head, ...targetBytes, ...segmentBytes]);
}

/** EXTENDED COPY (LID1) with a list of `length` bytes. */
export function extendedCopy(length: number): number[] {
  return [0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...bytes(length, 4), 0, 0];
}

/** RECEIVE COPY RESULTS with a service action. */
export function receive(serviceAction: number, identifier: number): number[] {
  return [0x84, serviceAction, identifier, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
}
