import { createHash } from "node:crypto";

/** MD5, the algorithm that everybody has. [RFC 7143] 12.1.3. */
export const ALGORITHM_MD5 = "5";
/** Bytes of an MD5 response. */
export const RESPONSE_LENGTH = 16;
/** [RFC 7143] 12.1.3: 1 to 1024 bytes. */
const BINARY_MAXIMUM = 1024;

/** [RFC 1994] 4.1: the hash of identifier, secret and challenge. */
export function chapResponse(identifier: Uint8Array, secret: string, challenge: Uint8Array): Buffer {
  return createHash("md5").update(identifier).update(secret, "utf8").update(challenge).digest();
}

/** A binary value as hexadecimal digits. [RFC 7143] 6.1. */
export function formatBinary(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString("hex")}`;
}

/** A binary value, hexadecimal or base64, of 1 to 1024 bytes. [RFC 7143] 6.1. */
export function parseBinary(text: string | undefined): Buffer | undefined {
  if (text === undefined || text.length > 2 + BINARY_MAXIMUM * 2) return undefined;
  const digits = text.slice(2);
  const prefix = text.slice(0, 2).toLowerCase();
  if (prefix === "0x" && /^[0-9a-fA-F]+$/.test(digits))
    return Buffer.from(digits.length % 2 === 1 ? `0${digits}` : digits, "hex");
  if (prefix === "0b" && /^[A-Za-z0-9+/]{2,}={0,2}$/.test(digits)) {
    const bytes = Buffer.from(digits, "base64");
    return bytes.length <= BINARY_MAXIMUM ? bytes : undefined;
  }
  return undefined;
}
