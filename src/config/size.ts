const UNITS: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/**
 * Reads a size: a whole number of bytes, or one with a binary unit K, M, G or T (`64M` = 64 MiB).
 * @returns bytes, or undefined when the text is no size or beyond 2^53
 */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+)([KMGT]?)(?:iB|B)?$/i.exec(text.trim());
  if (!match) return undefined;
  const unit = UNITS[(match[2] ?? "").toUpperCase()];
  const bytes = Number(match[1]) * (unit ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Writes a size for people: `64 MiB`, `1.5 GiB`, `512 B`. */
export function formatSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}
