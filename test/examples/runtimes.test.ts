import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, test } from "vitest";
import { valueOnPage } from "../support/headless-page.ts";
import { Newcomer } from "../support/packed.ts";
import { requires } from "../support/requires.ts";
import { vectorLines } from "../support/vector-lines.ts";

const COMMANDS = resolve(import.meta.dirname, "../../node_modules/.bin");
const BUILDS = ["core", "portable", "twin"];
/** The lines, when all are there. */
const SHOWN = `document.title === "Done" ? document.getElementById("lines").textContent : null`;

const newcomer = new Newcomer("node", "deno", "bun", "browser", "c");
afterAll(() => newcomer[Symbol.dispose]());

test.each(BUILDS)("examples/node runs the vectors on %s", (build) => {
  expect(newcomer.run("node", process.execPath, "main.js", build)).toEqual(vectorLines());
});

test.each(BUILDS)("examples/deno runs the vectors on %s", (build) => {
  const words = ["run", "--no-prompt", "--allow-read=..", "main.js", build];
  expect(newcomer.run("deno", `${COMMANDS}/deno`, ...words)).toEqual(vectorLines());
});

test.each(BUILDS)("examples/bun runs the vectors on %s", (build) => {
  expect(newcomer.run("bun", `${COMMANDS}/bun`, "main.js", build)).toEqual(vectorLines());
});

const cTools = ["make", "cc", "wasm2c"].map(requires);
test.skipIf(cTools.includes(false))("examples/c runs the vectors on what wasm2c makes of the portable build", () => {
  newcomer.run("c", "make", `PACKAGE=${newcomer.place}`);
  const lines = newcomer.run("c", "./run-vectors", ...newcomer.vectors());
  expect(lines.sort()).toEqual(vectorLines().sort());
});

describe.skipIf(!requires("chromium"))("examples/browser", () => {
  test.each([
    ["core", "?core"],
    ["portable", "?portable"],
    ["twin", "?twin"],
  ])("runs the vectors on %s", async (_, query) => {
    expect(await shown(query)).toEqual(vectorLines());
  });

  test("takes the portable build where memory can't be shared", async () => {
    expect(await shown("", "--not-isolated")).toEqual(vectorLines());
  });
});

/** What the page shows in the end. */
async function shown(query: string, ...serverOptions: string[]): Promise<string[]> {
  const server = spawn(process.execPath, ["serve.js", "0", ...serverOptions], { cwd: newcomer.example("browser") });
  try {
    const [address] = (await once(createInterface(server.stdout), "line")) as [string];
    const text = await valueOnPage(`${address}${query}`, SHOWN, newcomer.fresh("profile-"));
    return String(text).trimEnd().split("\n");
  } finally {
    server.kill();
    await once(server, "exit");
  }
}
