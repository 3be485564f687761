import type { AttributeRows } from "../../config/attribute-rows.ts";
import type { LogicalUnitConfig } from "../../config/schema.ts";
import { type Outcome, refusal } from "../../config/tree.ts";
import { outcomeOf, RefusedWrite } from "../errno.ts";
import type { TargetSubject } from "./context.ts";
import { flag, leadingNumber, line } from "./values.ts";

const PATH_MAXIMUM = 4095;
/** Begins what is no path, but the place of a remote device. */
const ISCSI = "iscsi://";
/** How long commands may take to end when a target is made inactive, in milliseconds; then they are aborted. */
const DEACTIVATION_GRACE = 60_000;

/** Whether commands pass through, by the letter of the original driver. */
const LETTERS: Readonly<Record<string, boolean>> = { B: false, S: true };

/** The attributes of a target of the original driver, with its semantics. [protocol] 9.1. */
export const ORIGINAL_TARGET: AttributeRows<TargetSubject> = {
  type: {
    doc: {
      what: "how the device is served: B emulates a block device, S passes commands through to a SCSI device",
      accepts: "B or S, while the target is inactive",
    },
    show: ({ config }) => (config.type === "passthrough" ? "S" : "B"),
    store: (subject, text) =>
      subject.describe((unit) => {
        const passThrough = LETTERS[text.slice(0, 1).toUpperCase()];
        if (passThrough === undefined) throw new RefusedWrite("EINVAL", `${line(text)} is neither B nor S`);
        if (passThrough === (unit.type === "passthrough")) return unit;
        return { ...unit, type: passThrough ? "passthrough" : "disk", ...deviceAt(pathIn(unit), passThrough) };
      }),
  },
  device: {
    doc: {
      what: "path of the image or block device; of type S, of the SCSI device: /dev/sg0, /dev/bsg/0:0:0:0, /dev/sda, iscsi://host/target/lun",
      accepts: "a path, or nothing, while the target is inactive",
    },
    show: (subject) => devicePath(subject),
    store: (subject, text) =>
      subject.describe((unit) => {
        const path = line(text);
        if (path.length > PATH_MAXIMUM) throw new RefusedWrite("ENAMETOOLONG", "the path is too long");
        if (path.includes("\0")) throw new RefusedWrite("EINVAL", "a path has no zero bytes");
        return { ...unit, unit: undefined, ...deviceAt(path, unit.type === "passthrough") };
      }),
  },
  active: {
    doc: {
      what: "whether clients see the target",
      accepts: "a number: not 0 opens the device, 0 waits until no command uses it and closes it",
    },
    show: ({ unit }) => flag(unit !== undefined),
    store: (subject, text) => (leadingNumber(text) === 0 ? deactivate(subject) : activate(subject)),
  },
  ro: {
    doc: {
      what: "whether the device is served for reading only",
      accepts: "a number, while the target is inactive: above 0 is yes",
    },
    show: ({ config }) => flag(config.readOnly),
    store: (subject, text) => subject.describe((unit) => ({ ...unit, readOnly: leadingNumber(text) > 0 })),
  },
};

function devicePath({ config, adapter }: TargetSubject): string {
  const named = adapter.context.running.config.logicalUnits.find(({ name }) => name === config.unit);
  return pathIn(named ?? config);
}

function pathIn({ backend }: Pick<LogicalUnitConfig, "backend">): string {
  if (backend === undefined) return "";
  return "path" in backend ? backend.path : backend.type === "iscsi" ? backend.url : "";
}

function deviceAt(path: string, passThrough: boolean): Pick<LogicalUnitConfig, "backend"> {
  if (path === "") return { backend: undefined };
  if (passThrough && path.startsWith(ISCSI)) return { backend: { type: "iscsi", url: path } };
  return { backend: { type: passThrough ? "sg" : "file", path } };
}

async function activate(subject: TargetSubject): Promise<Outcome> {
  if (subject.unit !== undefined) return refusal("EINVAL", "the target is active already");
  const { live, running } = subject.adapter.context;
  // Configured so, but it could not be opened yet: here is another try.
  if (subject.failure !== undefined) return outcomeOf(() => running.exclusively(() => live.retryAt(subject.place)));
  return subject.change((unit) => {
    if (unit.active) throw new RefusedWrite("EINVAL", "the target is active already");
    return { ...unit, active: activatable(unit) };
  });
}

function activatable({ backend, unit, type, removable }: LogicalUnitConfig): true {
  const mayBeEmpty = type === "optical" || removable === true || unit !== undefined;
  if (backend === undefined && !mayBeEmpty)
    throw new RefusedWrite("ENOENT", "it has no device: write a path to device");
  return true;
}

function deactivate(subject: TargetSubject): Promise<Outcome> {
  return subject.change((unit) => (unit.active ? { ...unit, active: false } : unit), { grace: DEACTIVATION_GRACE });
}
