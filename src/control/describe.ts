import { z } from "zod";
import type { Methods } from "./method.ts";
import type { MethodDescription } from "./results.ts";

/** What the method `methods` answers: every method that can tell about itself, and the names of the others. */
export function describeMethods(methods: Methods): MethodDescription[] {
  return Object.entries(methods).map(([name, method]) =>
    typeof method === "function"
      ? { name, summary: "", params: null }
      : { name, summary: method.summary, params: method.params ? inputSchema(method.params) : null },
  );
}

/** What is sent, before defaults and conversions; what JSON Schema can't say is left open. */
function inputSchema(params: z.ZodType): object {
  return z.toJSONSchema(params, { io: "input", unrepresentable: "any" });
}
