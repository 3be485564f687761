import { expect, test } from "vitest";
import { diskFlag } from "../../src/cli/options.ts";

test.each([
  ["a.img", { path: "a.img" }, false],
  ["a.img,ro", { path: "a.img" }, true],
  ["a.img,overlay", { path: "a.img", overlay: { keep: false } }, false],
  ["a.img,overlay=b.overlay", { path: "a.img", overlay: { path: "b.overlay" } }, false],
  ["a.img,ro,overlay=b", { path: "a.img", overlay: { path: "b" } }, true],
  ["a.img,overlay=b,ro", { path: "a.img", overlay: { path: "b" } }, true],
  ["a,b.img", { path: "a,b.img" }, false],
  ["a,ro.img", { path: "a,ro.img" }, false],
])("--disk %s", (text, backend, readOnly) => {
  expect(diskFlag(text)).toEqual({ backend: { type: "file", ...backend }, readOnly });
});
