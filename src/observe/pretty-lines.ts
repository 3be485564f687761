interface Out {
  write(text: string): unknown;
}

interface Level {
  readonly name: string;
  /** SGR parameter. [ECMA-48] 8.3.117. */
  readonly colour: number;
}

/** By pino's numbers. */
const LEVELS: Readonly<Record<number, Level>> = {
  10: { name: "TRACE", colour: 2 },
  20: { name: "DEBUG", colour: 36 },
  30: { name: "INFO", colour: 32 },
  40: { name: "WARN", colour: 33 },
  50: { name: "ERROR", colour: 31 },
};
const UNKNOWN: Level = { name: "LOG", colour: 0 };
const FAINT = 2;
const NAME_WIDTH = 5;
/** Of an ISO time: what is beyond the day, to the millisecond. */
const TIME_OF_DAY = [11, 23] as const;

/** Writes pino's lines for people: time of day, level, message, and what else there is as key=value. */
export class PrettyLines {
  readonly #out: Out;
  readonly #colourful: boolean;

  constructor(out: Out, colourful: boolean) {
    this.#out = out;
    this.#colourful = colourful;
  }

  write(line: string): void {
    const { level, time, msg = "", err, ...rest } = JSON.parse(line);
    const { name, colour } = LEVELS[level] ?? UNKNOWN;
    const fields = Object.entries(rest).map(([key, value]) => this.#paint(FAINT, `${key}=`) + shown(value));
    const head = [String(time).slice(...TIME_OF_DAY), this.#paint(colour, name.padEnd(NAME_WIDTH)), msg];
    this.#out.write(`${[...head, ...fields].join(" ")}\n${err?.stack ? `${err.stack}\n` : ""}`);
  }

  #paint(colour: number, text: string): string {
    return this.#colourful ? `\u001b[${colour}m${text}\u001b[0m` : text;
  }
}

/** A word as it is, anything else as JSON. */
function shown(value: unknown): string {
  return typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
