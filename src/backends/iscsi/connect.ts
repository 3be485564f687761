import { connect as connectSocket } from "node:net";
import { Connection } from "./connection.ts";
import { LoginFailure, type LoginIdentity } from "./login.ts";
import { LoginPhase } from "./login-phase.ts";
import { Session, type SessionOptions } from "./session.ts";

/** Portals that a target may send us on to, one after the other. */
const REDIRECTIONS_MAXIMUM = 4;

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly identity: LoginIdentity;
  /** Six bytes. */
  readonly isid: Uint8Array;
  /** Milliseconds for each portal. */
  readonly timeout: number;
  readonly session: SessionOptions;
  /** Told how to end the attempt that begins. */
  attempt(end: () => void): void;
}

/** No session came about; the message tells why. */
export class ConnectError extends Error {}

/** Connects and logs in, following the target where it sends us. @throws ConnectError */
export async function connectSession(options: ConnectOptions): Promise<Session> {
  let place = { host: options.host, port: options.port };
  for (let hops = 0; ; hops++) {
    const result = await logIn(options, place);
    if (!(result instanceof LoginFailure)) return result;
    if (result.elsewhere === undefined) throw new ConnectError(result.reason);
    if (hops === REDIRECTIONS_MAXIMUM) throw new ConnectError(`${result.reason}, again and again`);
    place = result.elsewhere;
  }
}

function logIn(options: ConnectOptions, place: { host: string; port: number }): Promise<Session | LoginFailure> {
  const { identity, isid, timeout, session } = options;
  const { clock } = session;
  return new Promise((resolve) => {
    const socket = connectSocket(place);
    const cancel = clock.after(timeout, () => connection.lose(`no login within ${timeout} ms`));
    const connection = new Connection(socket, clock, (outbox) => {
      const phase = new LoginPhase({
        identity,
        isid,
        outbox,
        finished(loggedIn) {
          cancel();
          const made = new Session(connection, loggedIn, session);
          connection.enterFullFeature(made, loggedIn.agreement);
          resolve(made);
        },
        failed(failure) {
          cancel();
          connection.destroy();
          resolve(failure);
        },
      });
      socket.once("connect", () => phase.begin());
      return phase;
    });
    options.attempt(() => connection.lose("the attempt was given up"));
  });
}
