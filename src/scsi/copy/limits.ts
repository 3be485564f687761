import { SEGMENT_LENGTH, TARGET_DESCRIPTOR_LENGTH } from "../../abi/copy.ts";

// What a copy manager of ours takes; RECEIVE COPY OPERATING PARAMETERS tells it. [SPC-4] 6.19.
export const TARGET_DESCRIPTORS_MAXIMUM = 16;
export const SEGMENT_DESCRIPTORS_MAXIMUM = 64;
export const DESCRIPTOR_LISTS_MAXIMUM =
  TARGET_DESCRIPTORS_MAXIMUM * TARGET_DESCRIPTOR_LENGTH + SEGMENT_DESCRIPTORS_MAXIMUM * SEGMENT_LENGTH;
/** Copies that one unit manages at a time. */
export const CONCURRENT_COPIES_MAXIMUM = 8;
/** Ended copies that one nexus may still ask about. */
export const RESULTS_MAXIMUM = 16;
