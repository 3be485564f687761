import type { AttributeRow, AttributeRows } from "../../config/attribute-rows.ts";
import type { LogicalUnitConfig } from "../../config/schema.ts";
import { type Outcome, refusal } from "../../config/tree.ts";
import { backend, QUEUE_DEPTH_MOST } from "../../config/unit-schema.ts";
import { overlayOf } from "../../filters/overlay-of.ts";
import { Disk } from "../../scsi/disk/disk.ts";
import { Drive, driveOf } from "../../scsi/drive.ts";
import type { LogicalUnit } from "../../scsi/logical-unit.ts";
import { NO_MEDIUM } from "../../scsi/medium.ts";
import { QUEUE_DEPTH } from "../../scsi/task-set.ts";
import { outcomeOf, RefusedWrite } from "../errno.ts";
import type { TargetSubject } from "./context.ts";
import { flag, leadingNumber, line, numberWithin, sizeOf } from "./values.ts";

type Body = LogicalUnitConfig;

/** An attribute of the description, to be written while the target is inactive. */
function described(
  what: string,
  accepts: string,
  show: (body: Body, unit: LogicalUnit | undefined) => string,
  take: (text: string) => Partial<Body>,
  unit?: string,
): AttributeRow<TargetSubject> {
  return {
    doc: { what, accepts: `${accepts}, while the target is inactive`, ...(unit !== undefined && { unit }) },
    show: (subject) => show(subject.config, subject.unit),
    store: (subject, text) => subject.describe((body) => ({ ...body, ...take(text) })),
  };
}

/** A string of INQUIRY; an empty one stands for what the unit has by itself. */
function inquiryString(key: "vendor" | "product" | "revision" | "serial", what: string, length: number) {
  return described(
    what,
    `printable ASCII, at most ${length} characters, or nothing for its own`,
    (body, unit) => unit?.identity[key] ?? body[key] ?? "",
    (text) => ({ [key]: textOf(line(text), length) }),
  );
}

function textOf(text: string, length: number): string | undefined {
  if (text.length > length || !/^[\x20-\x7e]*$/.test(text))
    throw new RefusedWrite("EINVAL", `${JSON.stringify(text)} is not printable ASCII of at most ${length} characters`);
  return text === "" ? undefined : text;
}

function oneOf<Value extends string | number>(text: string, values: readonly Value[]): Value {
  const found = values.find((value) => String(value) === line(text));
  if (found === undefined) throw new RefusedWrite("EINVAL", `${line(text)} is none of ${values.join(", ")}`);
  return found;
}

/** What a target has beyond the original driver's four attributes. */
export const UNIT_ATTRIBUTES: AttributeRows<TargetSubject> = {
  state: {
    doc: { what: "active, inactive, or failed and why: what should be active is tried again every ten seconds" },
    show: ({ unit, failure }) =>
      unit !== undefined ? "active" : failure !== undefined ? `failed: ${line(failure.message)}` : "inactive",
  },
  kind: described(
    "kind of device",
    "disk, optical or passthrough",
    ({ type }) => type,
    (text) => ({ type: oneOf(text, ["disk", "optical", "passthrough"] as const) }),
  ),
  unit: described(
    "name of the unit of logical_units that is shown here, if it is one",
    "a name, or nothing",
    ({ unit = "" }) => unit,
    (text) => ({ unit: line(text) === "" ? undefined : line(text), backend: undefined }),
  ),
  backend: described(
    "where its bytes are: a JSON object as in the configuration file",
    'an object such as {"type":"memory","size":"64M"}, or nothing',
    (body) => (body.backend === undefined ? "" : JSON.stringify(body.backend)),
    (text) => ({ unit: undefined, backend: backendOf(line(text)) }),
  ),
  size: {
    doc: {
      what: "capacity",
      unit: "bytes",
      accepts:
        "bytes, or a number with K, M, G, T: a file or memory is made that long; an inactive target becomes memory",
    },
    show: ({ unit, config }) => String(unit?.size ?? (config.backend?.type === "memory" ? config.backend.size : 0)),
    store: resize,
  },
  block_size: described(
    "logical block size",
    "512 or 4096",
    (body, unit) => String(unit instanceof Drive ? unit.medium.blockSize : body.blockSize),
    (text) => ({ blockSize: oneOf(text, [512, 4096] as const) }),
    "bytes",
  ),
  vendor: inquiryString("vendor", "vendor identification of INQUIRY", 8),
  product: inquiryString("product", "product identification of INQUIRY", 16),
  revision: inquiryString("revision", "product revision level of INQUIRY", 4),
  serial: inquiryString("serial", "unit serial number of INQUIRY", 64),
  removable: described(
    "whether its medium can be taken out",
    "a number: above 0 is yes",
    (body, unit) => flag(unit instanceof Drive ? unit.removable : (body.removable ?? body.type === "optical")),
    (text) => ({ removable: leadingNumber(text) > 0 ? true : undefined }),
  ),
  thin: described(
    "whether it gives back storage that is unmapped",
    "a number: above 0 is yes",
    (body, unit) => flag(unit instanceof Disk ? unit.thin : (body.thin ?? false)),
    (text) => ({ thin: leadingNumber(text) > 0 }),
  ),
  erase_rate: described(
    "how fast SANITIZE and FORMAT UNIT write at most",
    "bytes, or a number with K, M, G, T",
    (body, unit) => String(unit instanceof Disk ? unit.eraseRate : (body.eraseRate ?? "")),
    (text) => ({ eraseRate: sizeOf(text) }),
    "bytes a second",
  ),
  queue_depth: described(
    "commands that it takes at a time; with more it answers TASK SET FULL",
    "1 to 1024",
    (body, unit) => String(unit instanceof Drive ? unit.taskSet.depth : (body.queueDepth ?? QUEUE_DEPTH)),
    (text) => ({ queueDepth: numberWithin(text, 1, QUEUE_DEPTH_MOST) }),
  ),
  overlay_bytes: {
    doc: { what: "bytes of the disk that its overlay has; 0 without one", unit: "bytes" },
    show: ({ drive }) => String((drive && overlayOf(drive.medium.store)?.changedBytes) ?? 0),
  },
  write_cache: {
    doc: { what: "whether writes may wait in a cache for the next flush, as its initiators have set it" },
    show: ({ unit }) => (unit instanceof Disk ? flag(unit.writeCacheEnabled) : "0"),
  },
  read_only: {
    doc: { what: "write protection now", accepts: "a number, while the target is active: above 0 protects the medium" },
    show: ({ unit, config }) => flag(unit?.readOnly ?? config.readOnly),
    store: (subject, text) => {
      const readOnly = leadingNumber(text) > 0;
      return ofActive(subject, (body) => (body.readOnly === readOnly ? body : { ...body, readOnly }));
    },
  },
  medium: {
    doc: {
      what: "what is in the drive",
      accepts:
        "while a removable target is active: the path of an image that is put in, or nothing: what is there is ejected",
    },
    show: ({ drive }) => (drive === undefined || drive.medium === NO_MEDIUM ? "" : drive.medium.store.description),
    store: (subject, text) => {
      if (subject.drive?.removable === false) return Promise.resolve(refusal("EPERM", "its medium is fixed"));
      const path = line(text);
      return ofActive(subject, (body) => ({ ...body, backend: path === "" ? undefined : { type: "file", path } }));
    },
  },
};

/** Changes an active target's own unit, in place. */
function ofActive(subject: TargetSubject, edit: (body: Body) => Body): Promise<Outcome> {
  return subject.change((body) => {
    if (!body.active) throw new RefusedWrite("EPERM", "the target is inactive");
    if (body.unit !== undefined) throw new RefusedWrite("EPERM", `it is the unit ${body.unit}: change that one`);
    return edit(body);
  });
}

function backendOf(text: string): Body["backend"] {
  if (text === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RefusedWrite("EINVAL", `${text} is not JSON`);
  }
  const result = backend.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join(".") || "backend"}: ${message}`);
  throw new RefusedWrite("EINVAL", problems.join("; "));
}

async function resize(subject: TargetSubject, text: string): Promise<Outcome> {
  const { unit, config, adapter } = subject;
  if (unit !== undefined && config.backend?.type !== "memory")
    return outcomeOf(() => adapter.context.running.exclusively(() => driveOf(unit).resizeMedium(sizeOf(text))));
  return subject.change((body) => {
    const size = sizeOf(text);
    if (body.backend === undefined || body.backend.type === "memory")
      return { ...body, backend: { type: "memory", size } };
    throw new RefusedWrite("EPERM", "the size of a file is that of the file: make the target active first");
  });
}
