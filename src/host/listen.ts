import { statSync, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";
import { makeSocketDirectory } from "./runtime-directory.ts";

/** A socket that can't be had; the message says which, why and what to do. */
export class SocketError extends Error {
  readonly code = "VSCSI_SOCKET";
}

/** Listens on a socket that was bound by who started us: who may connect was theirs to say. @throws SocketError */
export async function listenInherited(server: Server, fd: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new SocketError(`descriptor ${fd}: can't listen: ${error.message}`)));
    server.listen({ fd }, resolve);
  });
}

/**
 * Listens on a Unix socket that only its owner may use (mode 0600). A socket file that a dead daemon left is taken
 * over; one that somebody answers on, or a file that is no socket, is left alone.
 * @throws SocketError
 */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  try {
    makeSocketDirectory(path);
  } catch (error) {
    throw new SocketError(`${path}: ${(error as Error).message}`);
  }
  await removeStaleSocket(path);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new SocketError(`${path}: can't listen: ${error.message}`)));
    // The socket file is made within the call: with this mask nobody else can connect in the moment before a chmod.
    const mask = process.umask(0o177);
    try {
      server.listen(path, resolve);
    } finally {
      process.umask(mask);
    }
  });
}

async function removeStaleSocket(path: string): Promise<void> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isSocket()) throw new SocketError(`${path}: is there and is no socket; remove it or name another path`);
  const why = await unreachable(path);
  if (why === undefined)
    throw new SocketError(
      `${path}: another process listens here; stop it or name another path with --socket/--control`,
    );
  // Whoever may not connect can't know whether somebody listens: only a refusal says that nobody does.
  if (why === "ENOENT") return;
  if (why !== "ECONNREFUSED")
    throw new SocketError(`${path}: is another user's (${why}); name another path with --socket/--control`);
  unlinkSync(path);
}

/** The errno of a try to connect; undefined when somebody answers. */
function unreachable(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(undefined);
    });
    probe.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code ?? "unknown"));
  });
}

/**
 * Listens on a TCP port; 0 takes one that is free. @returns the port
 * @throws SocketError
 */
export async function listenOnTcp(server: Server, address: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const reason = LISTEN_ERRORS[error.code ?? ""] ?? error.message;
      reject(new SocketError(`${address}:${port}: can't listen: ${reason}`));
    });
    server.listen({ host: address, port }, resolve);
  });
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : port;
}

const LISTEN_ERRORS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process listens here; stop it or choose another port",
  EACCES: "not allowed; ports below 1024 need privileges",
  EADDRNOTAVAIL: "this machine has no such address",
};
