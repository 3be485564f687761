/** A property's value; `cells` are 32 bits each, big-endian in the blob. */
export type PropertyValue =
  | { readonly kind: "empty" }
  | { readonly kind: "strings"; readonly strings: readonly string[] }
  | { readonly kind: "cells"; readonly cells: readonly number[] };

/** The bytes of a value, as the blob has them and a client's /proc/device-tree shows them. [Devicetree] 2.2.4. */
export function propertyBytes(value: PropertyValue): readonly number[] {
  switch (value.kind) {
    case "empty":
      return [];
    case "strings":
      return value.strings.flatMap(terminated);
    case "cells":
      return value.cells.flatMap(bigEndian);
  }
}

/** A word of 32 bits. */
export function bigEndian(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

/** A string with the zero byte behind it. */
export function terminated(text: string): number[] {
  return [...new TextEncoder().encode(text), 0];
}
