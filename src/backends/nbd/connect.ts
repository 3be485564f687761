import { connect as connectSocket, type Socket } from "node:net";
import type { Clock } from "../../core/clock.ts";
import { type NbdExport, type NbdTls, openExport } from "./handshake.ts";
import type { NbdAddress } from "./uri.ts";

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
  const socket: Socket = path === undefined ? connectSocket({ host, port }) : connectSocket({ path });
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
