import { parseSize } from "../../config/size.ts";
import { RefusedWrite } from "../errno.ts";

/** A number as the original driver reads it: leading decimal digits, and 0 for anything else. [protocol] 9.1. */
export function leadingNumber(text: string): number {
  const digits = /^-?\d+/.exec(text);
  return digits === null ? 0 : Number(digits[0]);
}

/** A whole number within bounds. @throws RefusedWrite EINVAL */
export function numberWithin(text: string, minimum: number, maximum: number): number {
  const value = leadingNumber(text);
  if (value < minimum || value > maximum)
    throw new RefusedWrite("EINVAL", `${line(text)} is not within ${minimum} and ${maximum}`);
  return value;
}

/** A value as one line: everything before the first line end. */
export function line(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

/** A size in bytes. @throws RefusedWrite EINVAL */
export function sizeOf(text: string): number {
  const bytes = parseSize(line(text));
  if (bytes === undefined || bytes === 0)
    throw new RefusedWrite("EINVAL", `${line(text)} is no size in bytes or with K, M, G, T`);
  return bytes;
}

export function flag(value: boolean): string {
  return value ? "1" : "0";
}
