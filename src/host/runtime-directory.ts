import { chmodSync, mkdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Where sockets go when nobody says otherwise: private to the user. */
export function runtimeDirectory(): string {
  const { XDG_RUNTIME_DIR } = process.env;
  return XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, "vscsi") : join(tmpdir(), `vscsi-${ownUid()}`);
}

/**
 * Makes the folder of a socket, for its owner only; the folder above must be there. The one that is ours by default
 * must also be ours in truth: in a shared /tmp somebody else may have made it first.
 * @throws Error that says which folder, why and what to do
 */
export function makeSocketDirectory(socket: string): void {
  const folder = dirname(socket);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EEXIST") throw new Error(`the folder ${folder} can't be made (${code}): name a socket elsewhere`);
  }
  const { uid } = statSync(folder);
  if (folder === runtimeDirectory() && uid !== ownUid())
    throw new Error(`the folder ${folder} belongs to user ${uid}, not to us: set XDG_RUNTIME_DIR, or name the sockets`);
}

/**
 * Makes a folder of our own in the runtime directory, which nobody else can look into.
 * @throws Error that says which folder, why and what to do
 */
export function privateDirectory(name: string): string {
  const folder = join(runtimeDirectory(), name);
  makeSocketDirectory(folder);
  makeSocketDirectory(join(folder, "socket"));
  const { uid, mode } = statSync(folder);
  if (uid !== ownUid()) throw new Error(`the folder ${folder} belongs to user ${uid}, not to us: remove it`);
  if ((mode & 0o077) !== 0) chmodSync(folder, 0o700);
  return folder;
}

/** Not `userInfo()`, which fails for a user without an entry in the user database, as in a container. */
function ownUid(): number | undefined {
  return process.getuid?.();
}
