import { connect as connectSocket, type Socket } from "node:net";
import type { Clock } from "../../core/clock.ts";
import { type NbdExport, type NbdTls, openExport } from "./handshake.ts";
import type { NbdAddress } from "./uri.ts";

/**
 * What comes on any connection is read into this, one read after the other, and is taken out at once: a buffer of its own for
 * every read costs several times the reading. Nobody may keep a chunk.
 */
const INCOMING = Buffer.allocUnsafeSlow(0x4_0000);

/**
 * Connects to a server and opens its export.
 * @param timeout milliseconds for all of it
 * @throws with a text that tells why not
 */
export async function connectExport(
  address: NbdAddress,
  tls: NbdTls | undefined,
  timeout: number,
  clock: Clock,
): Promise<NbdExport> {
  const { path, host, port } = address;
  // TLS reads for itself what it deciphers.
  const onread = tls === undefined && !address.tls ? { onread: { buffer: INCOMING, callback: passOn } } : {};
  const socket: Socket = connectSocket(path === undefined ? { host, port, ...onread } : { path, ...onread });
  function passOn(count: number): boolean {
    socket.emit("data", INCOMING.subarray(0, count));
    return true;
  }
  socket.setNoDelay(true);
  // Until someone listens for it, an error of the socket must not end the process: the handshake tells it.
  socket.on("error", () => {});
  const cancel = clock.after(timeout, () => socket.destroy(new Error(`no answer within ${timeout} ms`)));
  try {
    return await openExport(socket, address, tls);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    cancel();
  }
}
