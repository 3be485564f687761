import { readFileSync } from "node:fs";

/** A shorter secret can be guessed from an exchange that was overheard. [RFC 7143] 9.2.1: at least 96 bits. */
const SECRET_MINIMUM = 12;

/** A file with a secret that can't be used. */
export class SecretFileError extends Error {
  readonly code = "VSCSI_SECRET_FILE";
}

/** A secret from a file, its first line; undefined without a file. @throws SecretFileError */
export function readSecret(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new SecretFileError(`${path}: can't be read: ${(error as Error).message}`);
  }
  const [secret = ""] = text.split(/\r?\n/);
  if (secret.length < SECRET_MINIMUM)
    throw new SecretFileError(`${path}: the secret on its first line is shorter than ${SECRET_MINIMUM} characters`);
  return secret;
}
