// Rows for people: tables on the terminal.

/** Three significant figures. @param {number} value */
export function figure(value) {
  if (!Number.isFinite(value)) return "-";
  if (value >= 99.95) return Math.round(value).toLocaleString("en");
  return value.toFixed(value < 9.995 ? 2 : 1);
}

/** @param {number} nanoseconds */
export function duration(nanoseconds) {
  if (nanoseconds >= 1e6) return `${figure(nanoseconds / 1e6)} ms`;
  return nanoseconds >= 1e3 ? `${figure(nanoseconds / 1e3)} µs` : `${figure(nanoseconds)} ns`;
}

/** What a side's value says: a duration, or bytes. @param {import("./interleave.mjs").Row} row @param {number} value */
export function amount(row, value) {
  return row.isMemory ? `${figure(value / 1024)} KiB` : duration(value);
}

function cell(row, side) {
  const summary = row.sides[side];
  if (!summary) return "";
  const { median } = summary;
  const rate = row.bytes ? `, ${figure(row.bytes / median)} GB/s` : "";
  const perSecond = row.perSecond ? `, ${figure(1e6 / median)}k/s` : "";
  return `${amount(row, median)}${rate}${perSecond}`;
}

/**
 * @param {string} title
 * @param {readonly import("./interleave.mjs").Row[]} rows
 */
export function groupTable(title, rows) {
  const sides = [...new Set(rows.flatMap((row) => Object.keys(row.sides)))];
  const ratios = [...new Set(rows.flatMap((row) => Object.keys(row.ratios)))];
  const ratio = (row, name) => {
    const summary = row.ratios[name];
    return summary ? `${figure(summary.median)} (${figure(summary.low)}–${figure(summary.high)})` : "";
  };
  const lines = rows.map((row) => [
    row.name,
    ...sides.map((side) => cell(row, side)),
    ...ratios.map((name) => ratio(row, name)),
  ]);
  return `\n${title}\n${table([["", ...sides, ...ratios], ...lines])}`;
}

/** @param {ReturnType<typeof import("./floors.mjs").judgeFloors>} floors */
export function floorTable(floors) {
  const lines = floors.map(({ name, bound, aim, found, row, holds }) => [
    name,
    bound,
    aim,
    found === undefined ? "not measured" : figure(found),
    holds === undefined ? "" : holds ? "holds" : "MISSED",
    row ?? "",
  ]);
  return `\nFloors (the worst row counts)\n${table([["", "floor", "aim", "found", "", "row"], ...lines])}`;
}

/** Columns: the first to the left, the others to the right. @param {readonly (readonly string[])[]} lines */
function table(lines) {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((text, column) => (column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column])))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
