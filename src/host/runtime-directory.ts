import { mkdirSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";

/** Where sockets go when nobody says otherwise: private to the user. */
export function runtimeDirectory(): string {
  const { XDG_RUNTIME_DIR } = process.env;
  return XDG_RUNTIME_DIR ? join(XDG_RUNTIME_DIR, "vscsi") : join(tmpdir(), `vscsi-${userInfo().uid}`);
}

/** Makes the folder of a socket, for its owner only. */
export function makeSocketDirectory(socket: string): void {
  mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
}
