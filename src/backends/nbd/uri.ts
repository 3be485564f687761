import { StoreOpenError } from "../open-file.ts";

/** Where an NBD server listens, and which export is meant. */
export interface NbdAddress {
  /** Unix socket. */
  readonly path: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly exportName: string;
  readonly tls: boolean;
  /** As it was given, for people. */
  readonly text: string;
}

const DEFAULT_PORT = 10809;
const SCHEMES = new Map([
  ["nbd:", { tls: false, unix: false }],
  ["nbds:", { tls: true, unix: false }],
  ["nbd+unix:", { tls: false, unix: true }],
  ["nbds+unix:", { tls: true, unix: true }],
]);
const FORMS = '"nbd://host[:port]/export", "nbd+unix:///export?socket=/path", or nbds for TLS';

/** Takes an NBD URI apart, as the NBD project's doc/uri.md has it. @throws StoreOpenError */
export function parseNbdUri(text: string): NbdAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const scheme = url && SCHEMES.get(url.protocol);
  if (url === undefined || scheme === undefined) throw new StoreOpenError(`${text}: is no NBD URI: ${FORMS}`);
  const path = url.searchParams.get("socket") ?? undefined;
  if (scheme.unix && !path?.startsWith("/"))
    throw new StoreOpenError(`${text}: names no socket: add "?socket=/path/of/the/socket"`);
  if (!scheme.unix && url.hostname === "") throw new StoreOpenError(`${text}: names no host: ${FORMS}`);
  return {
    path: scheme.unix ? path : undefined,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
    exportName: decodeURIComponent(url.pathname.replace(/^\//, "")),
    tls: scheme.tls,
    text,
  };
}
