import { readFileSync } from "node:fs";
import type { Log } from "../../core/log.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { StoreOpenError } from "../open-file.ts";
import type { NbdTls } from "./handshake.ts";
import { NbdStore } from "./nbd-store.ts";
import { parseNbdUri } from "./uri.ts";

/** Less than half of what Linux gives a SCSI command, so that a second server may answer in time. Milliseconds. */
const TIMEOUT = 10_000;
const RETRY_FOR = 25_000;
const CONNECTIONS = 4;

/** An NBD backend as the configuration has it. */
export interface NbdBackendOptions {
  readonly uri: string;
  readonly connections?: number | undefined;
  readonly timeout?: number | undefined;
  readonly retryFor?: number | undefined;
  /** Paths of PEM files. */
  readonly tls?: { readonly [File in keyof NbdTls]?: string | undefined } | undefined;
}

/** Opens the store of an NBD backend. @throws StoreOpenError */
export function openNbdStore(
  memory: SharedMemory,
  options: NbdBackendOptions & { readonly readOnly: boolean; readonly blockSize: number; readonly log: Log },
): Promise<NbdStore> {
  const {
    uri,
    tls,
    connections = CONNECTIONS,
    timeout = TIMEOUT,
    retryFor = RETRY_FOR,
    readOnly,
    blockSize,
    log,
  } = options;
  const address = parseNbdUri(uri);
  const texts = tls && { ca: pem(tls.ca), cert: pem(tls.cert), key: pem(tls.key) };
  return NbdStore.open(memory, { address, tls: texts, connections, timeout, retryFor, readOnly, blockSize, log });
}

function pem(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StoreOpenError(`${path}: can't be read for TLS: ${message}`, code);
  }
}
