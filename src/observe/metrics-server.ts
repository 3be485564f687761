import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Log } from "../core/log.ts";
import { listenOnTcp, listenPrivately } from "../host/listen.ts";

/** Connections at a time: a scraper has one. */
const CONNECTIONS_MAX = 16;
/** How long a request may take to come, in milliseconds. */
const REQUEST_TIMEOUT = 5_000;
const CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** Where to be scraped: at a loopback address, or at a Unix socket that only its owner may use. */
export type MetricsPlace = { readonly address: string; readonly port: number } | { readonly socket: string };

export interface MetricsSource {
  /** The text of `/metrics`. */
  metrics(): string;
  /** What is wrong; undefined when all is well. */
  ailment(): string | undefined;
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** `/metrics` and `/healthz` by HTTP. Whoever reaches it may read: there is nothing secret in it, and nothing to change. */
export class MetricsServer {
  readonly #server: Server;
  readonly #pages: Readonly<Record<string, () => Page>>;
  readonly #log: Log;
  #place: MetricsPlace;

  private constructor(place: MetricsPlace, source: MetricsSource, log: Log) {
    this.#place = place;
    this.#log = log;
    this.#pages = {
      "/metrics": () => ({ status: 200, type: CONTENT_TYPE, text: source.metrics() }),
      "/healthz": () => {
        const ailment = source.ailment();
        return { status: ailment === undefined ? 200 : 503, type: "text/plain", text: `${ailment ?? "ok"}\n` };
      },
    };
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.requestTimeout = REQUEST_TIMEOUT;
    this.#server.headersTimeout = REQUEST_TIMEOUT;
  }

  /** @throws SocketError */
  static async listen(place: MetricsPlace, source: MetricsSource, log: Log): Promise<MetricsServer> {
    const server = new MetricsServer(place, source, log);
    if ("socket" in place) await listenPrivately(server.#server, place.socket);
    else server.#place = { ...place, port: await listenOnTcp(server.#server, place.address, place.port) };
    log.info(server.place, "metrics at /metrics, health at /healthz");
    return server;
  }

  /** Where it listens, with the port that it took. */
  get place(): MetricsPlace {
    return this.#place;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { status, type, text } = this.#page(request);
    const body = Buffer.from(text);
    response.writeHead(status, { "Content-Type": type, "Content-Length": body.length, "Cache-Control": "no-store" });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  #page({ method, url = "/" }: IncomingMessage): Page {
    const [path = "/"] = url.split("?");
    const page = Object.hasOwn(this.#pages, path) ? this.#pages[path] : undefined;
    if (page === undefined) return failure(404, `there are: ${Object.keys(this.#pages).join(", ")}`);
    if (method !== "GET" && method !== "HEAD") return failure(405, "only GET and HEAD");
    try {
      return page();
    } catch (error) {
      this.#log.error({ err: error }, "metrics could not be told");
      return failure(500, "an error of the daemon's own: see its log");
    }
  }
}

function failure(status: number, text: string): Page {
  return { status, type: "text/plain", text: `${text}\n` };
}
