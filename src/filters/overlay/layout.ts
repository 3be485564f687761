/** Bytes of a piece of the map that is written at once, and of the room of a header. */
export const PAGE = 4096;
/** Clusters that one page of the map tells of. */
export const CLUSTERS_A_PAGE = PAGE * 8;
/** Parts of the file begin at multiples of it, so that data lie on whole blocks of any file system. */
const ALIGNMENT = 0x10000;
/** log2 of the bytes of a cluster: as small as a page, so that what clients write is seldom less than one. */
export const CLUSTER_SHIFT_LEAST = 12;
export const CLUSTER_SHIFT_MOST = 20;
/** Bytes of the largest map that smaller clusters are worth: that of 512 GiB in clusters of 4 KiB. */
const MAP_MOST = 0x100_0000;
/** Headers are written in turn, so that one of them is always whole. */
export const HEADER_PLACES = [0, PAGE] as const;

/** Where everything is in the file of an overlay. Bytes. */
export interface OverlayLayout {
  readonly clusterSize: number;
  readonly clusterCount: number;
  /** Of each of the two maps: whole pages. */
  readonly mapBytes: number;
  /** The map as of the last flush, and the one with what was written since. */
  readonly flushedMap: number;
  readonly recentMap: number;
  /** A cluster of the disk is as far behind this as it is behind the beginning of the disk. */
  readonly data: number;
  /** Of the whole file, nearly all of it a hole at first. */
  readonly fileSize: number;
}

/** The smallest clusters whose map is not too large for a base of `baseSize` bytes. */
export function clusterShiftFor(baseSize: number): number {
  let shift = CLUSTER_SHIFT_LEAST;
  while (shift < CLUSTER_SHIFT_MOST && baseSize / 2 ** shift > MAP_MOST * 8) shift++;
  return shift;
}

export function overlayLayout(baseSize: number, clusterShift: number): OverlayLayout {
  const clusterSize = 2 ** clusterShift;
  const clusterCount = Math.ceil(baseSize / clusterSize);
  const mapBytes = Math.ceil(clusterCount / CLUSTERS_A_PAGE) * PAGE;
  const flushedMap = ALIGNMENT;
  const recentMap = roundUp(flushedMap + mapBytes, ALIGNMENT);
  const data = roundUp(recentMap + mapBytes, Math.max(ALIGNMENT, clusterSize));
  return { clusterSize, clusterCount, mapBytes, flushedMap, recentMap, data, fileSize: data + baseSize };
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
