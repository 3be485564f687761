/** What the rooms need of a logger; pino's loggers fit. `err`-like values go into `fields`. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Says nothing: for tests and embedders without a logger. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
