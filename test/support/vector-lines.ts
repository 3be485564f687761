import { readFileSync } from "node:fs";
import { type Vector, vectorUrls } from "../../vectors/index.js";

/** What every example prints that runs the vectors. */
export function vectorLines(): string[] {
  return vectorUrls.map((url) => {
    const { name, steps } = JSON.parse(readFileSync(url, "utf8")) as Vector;
    return `${name}: ${steps.length} calls, as expected`;
  });
}
