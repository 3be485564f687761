import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requires } from "../support/requires.ts";

const CLI = resolve(import.meta.dirname, "../../dist/cli/main.js");
const folder = mkdtempSync(join(tmpdir(), "vscsi-completion-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Shells complete paths of the tree by asking `vscsi ls`: here somebody else answers. */
const ENVIRONMENT = { PATH: `${folder}:${process.env.PATH}`, HOME: folder };

beforeAll(() => {
  const vscsi = join(folder, "vscsi");
  writeFileSync(vscsi, '#!/bin/sh\ncase "$2" in "") echo bus/;; bus/) echo vio/; echo name;; esac\n');
  chmodSync(vscsi, 0o755);
  for (const shell of ["bash", "zsh", "fish"])
    writeFileSync(
      join(folder, `script.${shell}`),
      execFileSync(process.execPath, [CLI, "completion", shell], { encoding: "utf8" }),
    );
  writeFileSync(join(folder, "config.json"), "{}");
});

function lines(command: string, args: readonly string[]): string[] {
  const { stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    cwd: folder,
    env: ENVIRONMENT,
    timeout: 20_000,
  });
  expect(stderr).toBe("");
  return stdout.split("\n").filter((line) => line !== "");
}

/** What bash offers for the last of these words. */
function bash(...words: string[]): string[] {
  const script = `
    compopt() { :; }
    source script.bash
    COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _vscsi
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  return lines("bash", ["--norc", "-c", script, "bash", ...words]);
}

/** The same of zsh, whose builtins for completion work within its line editor only: what they are given is printed. */
function zsh(...words: string[]): string[] {
  const script = `
    compdef() { }
    source script.zsh
    compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -l -- "$@" }
    _files() { print -l -- * }
    _describe() { print -l -- "\${(@P)@[-1]}" }
    words=("$@"); CURRENT=$#; _vscsi`;
  const given = lines("zsh", ["-f", "-c", script, "zsh", ...words]);
  const last = words.at(-1) ?? "";
  return given.map((line) => line.replace(/(?<!\\):.*/, "")).filter((word) => word.startsWith(last));
}

function fish(...words: string[]): string[] {
  return lines("fish", ["--no-config", "-c", `source script.fish; complete -C ${JSON.stringify(words.join(" "))}`]).map(
    (line) => line.replace(/\t.*/, ""),
  );
}

describe.each([
  ["bash", bash],
  ["zsh", zsh],
  ["fish", fish],
] as const)("%s", (shell, complete) => {
  test.skipIf(!requires(shell)).each<[string[], string[]]>([
    [["vscsi", "sta"], ["status"]],
    [
      ["vscsi", "unit", ""],
      ["add", "remove", "resize", "write-protect"],
    ],
    [["vscsi", "unit", "add", "--opt"], ["--optical"]],
    [
      ["vscsi", "serve", "--core", ""],
      ["js", "wasm"],
    ],
    [["vscsi", "serve", "--disk", "x", "--log-f"], ["--log-format"]],
    [["vscsi", "log-level", "de"], ["debug"]],
    [["vscsi", "apply", "conf"], ["config.json"]],
    [["vscsi", "serve", "--config", "conf"], ["config.json"]],
    [["vscsi", "serve", "--memory", ""], []],
    [["vscsi", "ls", ""], ["bus/"]],
    [
      ["vscsi", "ls", "bus/"],
      ["bus/name", "bus/vio/"],
    ],
  ])("%j", (words, offered) => {
    expect(complete(...words).sort()).toEqual(offered);
  });
});

test("another shell is refused", () => {
  const { status, stderr } = spawnSync(process.execPath, [CLI, "completion", "csh"], { encoding: "utf8" });
  expect(status).toBe(2);
  expect(stderr).toMatch(/Allowed choices are bash, zsh, fish/);
});
