// A group as an SVG: for each row a bar per side, as long as its time is against the longest of the row.
import { amount } from "./report.mjs";

const COLOURS = ["#2f6fde", "#d9822b", "#3a9d5d", "#8a63c9", "#c4456b", "#6b7785"];
const BAR = 12;
const GAP = 10;
const LABEL_WIDTH = 330;
const BAR_WIDTH = 420;
const VALUE_WIDTH = 110;
const HEAD = 56;

/**
 * @param {string} title
 * @param {readonly import("./interleave.mjs").Row[]} rows
 */
export function plot(title, rows) {
  const sides = [...new Set(rows.flatMap((row) => Object.keys(row.sides)))];
  const parts = [text(10, 22, title, "font-weight='bold' font-size='15'")];
  for (const [index, side] of sides.entries()) {
    parts.push(rectangle(10 + index * 110, 34, 10, 10, colour(index)), text(26 + index * 110, 43, side));
  }
  let y = HEAD;
  for (const row of rows) {
    const present = sides.filter((side) => side in row.sides);
    const longest = Math.max(...present.map((side) => row.sides[side].median));
    parts.push(text(10, y + 10, row.name));
    for (const side of present) {
      const { median, low, high } = row.sides[side];
      const scale = (value) => Math.min(value / longest, 1) * BAR_WIDTH;
      parts.push(rectangle(LABEL_WIDTH, y, scale(median), BAR - 2, colour(sides.indexOf(side))));
      parts.push(line(LABEL_WIDTH + scale(low), LABEL_WIDTH + scale(high), y + BAR / 2 - 1));
      parts.push(text(LABEL_WIDTH + scale(median) + 6, y + 9, amount(row, median)));
      y += BAR;
    }
    y += GAP;
  }
  const width = LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y}" font-family="sans-serif" font-size="11">` +
    `<title>${escaped(title)}</title><rect width="100%" height="100%" fill="white"/>\n${parts.join("\n")}\n</svg>\n`
  );
}

const colour = (index) => COLOURS[index % COLOURS.length];
const rectangle = (x, y, width, height, fill) =>
  `<rect x="${x}" y="${y}" width="${width.toFixed(1)}" height="${height}" fill="${fill}"/>`;
const line = (from, to, y) =>
  `<line x1="${from.toFixed(1)}" x2="${to.toFixed(1)}" y1="${y}" y2="${y}" stroke="black" stroke-opacity="0.5"/>`;
const text = (x, y, words, more = "") =>
  `<text x="${typeof x === "number" ? x.toFixed(1) : x}" y="${y}" ${more}>${escaped(words)}</text>`;
const escaped = (words) => words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
