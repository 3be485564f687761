import { LATENCY_BOUNDS, type LatencyHistogram } from "../core/latency.ts";

/** Label names and values of a sample; undefined ones are left out. */
export type Labels = Readonly<Record<string, string | number | undefined>>;

type MetricType = "counter" | "gauge" | "info" | "histogram";

/** A metric: what is measured, and how one object's values are read. [OpenMetrics 1.0] 4.2. */
interface Metric<Subject> {
  readonly type: MetricType;
  /** Without the suffix of its type; ends with the unit, if it has one. */
  readonly name: string;
  readonly unit?: "bytes" | "seconds";
  readonly help: string;
  read(subject: Subject): Iterable<Sample>;
}

/** One value with its labels; a histogram's is the whole histogram. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number | LatencyHistogram;
}

/** What there is of each of `subjects`, in the order in which a scrape tells it. */
export interface MetricGroup<Subject> {
  readonly metrics: readonly Metric<Subject>[];
  readonly subjects: Iterable<Subject>;
  /** Labels that all samples of a subject have. */
  labels(subject: Subject): Labels;
}

const MILLISECONDS_PER_SECOND = 1_000;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

/** Writes groups of metrics as OpenMetrics text. */
export class OpenMetricsText {
  #text = "";

  /** Every metric of a group, with a sample for each of its subjects. */
  add<Subject>({ metrics, subjects, labels }: MetricGroup<Subject>): this {
    const labelled = [...subjects].map((subject) => ({ subject, labels: labels(subject) }));
    for (const metric of metrics) {
      const { name, type, unit, help } = metric;
      this.#text += `# TYPE ${name} ${type}\n`;
      if (unit !== undefined) this.#text += `# UNIT ${name} ${unit}\n`;
      this.#text += `# HELP ${name} ${escaped(help)}\n`;
      for (const { subject, labels: common } of labelled)
        for (const sample of metric.read(subject)) this.#sample(metric, { ...common, ...sample.labels }, sample.value);
    }
    return this;
  }

  /** The whole exposition. */
  end(): string {
    return `${this.#text}# EOF\n`;
  }

  #sample({ name, type }: Metric<never>, labels: Labels, value: Sample["value"]): void {
    if (typeof value !== "number") this.#histogram(name, labels, value);
    else this.#line(`${name}${SUFFIXES[type]}`, labels, value);
  }

  #histogram(name: string, labels: Labels, { buckets, count, sum }: LatencyHistogram): void {
    let upTo = 0;
    for (const [index, bound] of LATENCY_BOUNDS.entries()) {
      upTo += buckets[index] ?? 0;
      this.#line(`${name}_bucket`, { ...labels, le: canonical(bound) }, upTo);
    }
    this.#line(`${name}_bucket`, { ...labels, le: "+Inf" }, count);
    this.#line(`${name}_count`, labels, count);
    this.#line(`${name}_sum`, labels, sum / MILLISECONDS_PER_SECOND);
  }

  #line(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).flatMap(([label, text]) =>
      text === undefined ? [] : [`${label}="${escaped(String(text))}"`],
    );
    this.#text += `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}\n`;
  }
}

const SUFFIXES: Readonly<Record<MetricType, string>> = { counter: "_total", gauge: "", info: "_info", histogram: "" };

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => ESCAPES[character] ?? character);
}

/** A bound as a float: "1.0", never "1". [OpenMetrics 1.0] 4.4.3.2. */
function canonical(bound: number): string {
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
}
