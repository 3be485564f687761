/** One line of an exposition, taken apart. */
export interface ExposedSample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** A metric family as it was exposed. */
export interface ExposedFamily {
  name: string;
  type: string;
  unit: string | undefined;
  help: string;
  samples: ExposedSample[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
/** Suffixes of the samples of each type. [OpenMetrics 1.0] 5.1. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  info: ["_info"],
  histogram: ["_bucket", "_count", "_sum"],
};

/** Reads an exposition as strictly as the standard is. [OpenMetrics 1.0] 4.4. @throws what is wrong with it */
export function parseExposition(text: string): Map<string, ExposedFamily> {
  if (!text.endsWith("\n# EOF\n")) throw new Error("does not end with # EOF");
  const families = new Map<string, ExposedFamily>();
  let family: ExposedFamily | undefined;
  for (const line of text.slice(0, -"# EOF\n".length).split("\n").slice(0, -1)) {
    const [, keyword, name = "", rest = ""] = /^# (TYPE|UNIT|HELP) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === "TYPE") {
      if (families.has(name)) throw new Error(`${name} twice`);
      family = { name, type: rest, unit: undefined, help: "", samples: [] };
      families.set(name, family);
    } else if (family === undefined || (keyword !== undefined && name !== family.name)) {
      throw new Error(`out of place: ${line}`);
    } else if (keyword === "UNIT") {
      if (!family.name.endsWith(`_${rest}`)) throw new Error(`${name} does not end with its unit ${rest}`);
      family.unit = rest;
    } else if (keyword === "HELP") family.help = rest;
    else family.samples.push(parseSample(line, family));
  }
  for (const each of families.values()) checkSamples(each);
  return families;
}

function parseSample(line: string, { name: family, type }: ExposedFamily): ExposedSample {
  const [, name = "", labelText = "", number = ""] = SAMPLE.exec(line) ?? [];
  const value = Number(number);
  if (number === "" || Number.isNaN(value)) throw new Error(`no sample: ${line}`);
  if (!SUFFIXES[type]?.some((suffix) => name === family + suffix)) throw new Error(`${name} is no ${type} ${family}`);
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  for (let at = 0; at < labelText.length; at = LABEL.lastIndex) {
    const [, label = "", text = ""] = LABEL.exec(labelText) ?? [];
    if (label === "" || label in labels) throw new Error(`labels: ${line}`);
    labels[label] = text.replace(/\\(.)/g, (_all, character) => (character === "n" ? "\n" : character));
  }
  return { name, labels, value };
}

/** No sample twice, no counter negative; buckets rise, and the last is the count. */
function checkSamples({ name, type, samples }: ExposedFamily): void {
  const seen = new Set<string>();
  for (const sample of samples) {
    const key = JSON.stringify([sample.name, sample.labels]);
    if (seen.has(key)) throw new Error(`${key} twice`);
    seen.add(key);
    if (type !== "gauge" && sample.value < 0) throw new Error(`${key} is negative`);
  }
  if (type !== "histogram") return;
  let last = 0;
  for (const sample of samples) {
    if (sample.name === `${name}_bucket`) {
      if (sample.value < last) throw new Error(`${name}: buckets fall`);
      last = sample.value;
    } else if (sample.name === `${name}_count`) {
      if (sample.value !== last) throw new Error(`${name}: the last bucket is not the count`);
      last = 0;
    }
  }
}
