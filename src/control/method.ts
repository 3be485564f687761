import type { z } from "zod";

/** Who calls a method: one connection of the control socket. */
export interface Caller {
  /** The method as it was called. */
  readonly method: string;
  /** Says something unasked, now or later. @returns false when the caller is gone */
  notify(method: string, params: unknown): boolean;
  /** Calls back once when the connection has ended. */
  onClosed(callback: () => void): void;
}

/**
 * What a handler returns, or what its promise brings, is the result; what it throws becomes an error answer: an error
 * with a `code` is the asker's to mend, any other one is ours.
 */
export type MethodHandler = (params: unknown, caller: Caller) => unknown;

/** A method that can tell about itself. */
export interface Method {
  /** One sentence. */
  readonly summary: string;
  /** What `handle` accepts; none: no parameters. */
  readonly params?: z.ZodType;
  readonly handle: MethodHandler;
}

/** Methods by name. */
export type Methods = Readonly<Record<string, MethodHandler | Method>>;
