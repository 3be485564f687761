import { Command, Option } from "commander";
import { controlOption, DEFAULT_GUEST_SOCKET_HELP, defaultGuestSocket } from "./options.ts";

/** `vscsi demo`: a daemon with a memory disk that shows itself working. What `npm start` runs. */
export function demoCommand(): Command {
  return new Command("demo")
    .description("Start a daemon with memory disks, log in to it with the built-in initiator, write and verify.")
    .option("--once", "stop after showing, instead of serving on")
    .addOption(new Option("--core <core>", "implementation of the hot path").choices(["wasm", "js"]).default("wasm"))
    .addOption(controlOption())
    .addOption(
      new Option("--socket <path>", "socket for a guest's bridge").default(
        defaultGuestSocket(),
        DEFAULT_GUEST_SOCKET_HELP,
      ),
    )
    .option("--json", "print what was found and verified as JSON")
    .action(async (flags: DemoFlags) => {
      // What only a daemon needs is loaded for it only.
      const { runDemo } = await import("./run-demo.ts");
      await runDemo(flags);
    });
}

export interface DemoFlags {
  once?: boolean;
  core: "wasm" | "js";
  json?: boolean;
  control: string;
  socket: string;
}
