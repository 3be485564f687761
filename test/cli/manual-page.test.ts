import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { buildProgram, withSubcommands } from "../../src/cli/program.ts";
import { requires } from "../support/requires.ts";

const PAGE = resolve(import.meta.dirname, "../../dist/man/vscsi.1");

test.skipIf(!requires("groff"))("the manual page is taken by groff without a warning, and has every command", () => {
  const { status, stdout, stderr } = spawnSync("groff", ["-man", "-ww", "-Tascii", "-P-cbou", PAGE], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  for (const heading of ["NAME", "SYNOPSIS", "FILES", "ENVIRONMENT", "EXIT STATUS", "EXAMPLES"])
    expect(stdout).toMatch(new RegExp(`^${heading}$`, "m"));
  const commands = withSubcommands(buildProgram()).filter((command) => command.name() !== "help");
  expect(commands.length).toBeGreaterThan(20);
  for (const command of commands) {
    const above = command.parent?.name() === "vscsi" || command.parent === null ? [] : [command.parent?.name()];
    if (command.parent === null) continue;
    expect(stdout).toMatch(new RegExp(`^ {3}vscsi ${[...above, command.name()].join(" ")}\\b`, "m"));
  }
});

test("nothing of a default of this machine is in it", () => {
  expect(readFileSync(PAGE, "utf8")).not.toContain(`vscsi-${process.getuid?.()}/`);
});
