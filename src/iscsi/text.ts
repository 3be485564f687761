/** Keys of one text, in the order in which they came. [RFC 7143] 6.1. */
export type TextKeys = ReadonlyMap<string, string>;

/** More keys than any exchange has use for. */
const KEYS_MAXIMUM = 64;
/** Standard label of a key name: at most 63 bytes. [RFC 7143] 6.1. */
const KEY = /^[A-Z][A-Za-z0-9.\-+@_/]{0,62}$/;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Takes a text apart. @returns its keys, or undefined when it is malformed: no "=", a strange key, the same key twice,
 * too many keys, or bytes that are not UTF-8
 */
export function parseText(bytes: Uint8Array): TextKeys | undefined {
  const keys = new Map<string, string>();
  for (const pair of decode(bytes)?.split("\0") ?? ["="]) {
    // Padding, and the end behind the last NUL.
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const key = pair.slice(0, Math.max(equals, 0));
    if (!KEY.test(key) || keys.has(key) || keys.size === KEYS_MAXIMUM) return undefined;
    keys.set(key, pair.slice(equals + 1));
  }
  return keys;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Pairs as the wire has them: each ended by a NUL. */
export function formatText(pairs: Iterable<readonly [string, string]>): Buffer {
  let text = "";
  for (const [key, value] of pairs) text += `${key}=${value}\0`;
  return Buffer.from(text, "utf8");
}

const NUMBER = /^(?:0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})$/;

/** A numerical value, decimal or hexadecimal, or undefined. [RFC 7143] 6.1. */
export function parseNumber(text: string): number | undefined {
  return NUMBER.test(text) ? Number(text) : undefined;
}

/** A list of values, none of them twice. */
export function parseList(text: string): string[] {
  return text.split(",");
}
