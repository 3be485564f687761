import { z } from "zod";
import { checkValue } from "../config/load.ts";
import type { Caller, Method } from "../control/method.ts";

const NO_PARAMETERS = z.strictObject({});

/**
 * A method of the control socket whose parameters are checked before `handle` gets them.
 * @param summary one sentence, for `methods` and docs/control.md
 */
export function method<Params extends z.ZodType>(
  summary: string,
  params: Params,
  handle: (params: z.output<Params>, caller: Caller) => unknown,
): Method {
  return { summary, params, handle: (value, caller) => handle(checkValue(params, value ?? {}, caller.method), caller) };
}

/** A method without parameters. */
export function plainMethod(summary: string, handle: (caller: Caller) => unknown): Method {
  return {
    summary,
    handle: (value, caller) => {
      checkValue(NO_PARAMETERS, value ?? {}, caller.method);
      return handle(caller);
    },
  };
}
