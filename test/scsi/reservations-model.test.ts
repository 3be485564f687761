import fc from "fast-check";
import { expect, test } from "vitest";
import { deviceWithDisk } from "../support/disk.ts";
import { Reserver } from "../support/reserve-commands.ts";
import { makeNexus, testMemory } from "../support/scsi-task.ts";

const memory = testMemory();
const NAMES = ["a", "b", "c"] as const;
type Name = (typeof NAMES)[number];
const KEYS = [0n, 1n, 2n, 3n] as const;
const TYPES = [0, 1, 2, 3, 5, 6, 7, 8] as const;
const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const WRITE = [0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0];
const RESERVE_6 = [0x16, 0, 0, 0, 0, 0];
const RELEASE_6 = [0x17, 0, 0, 0, 0, 0];
const BLOCK = { dataOut: new Uint8Array(512) };

type Action = "register" | "registerAndIgnore" | "reserve" | "release" | "clear" | "preempt" | "preemptAndAbort";
interface Step {
  who: Name;
  what: Action | "reserve6" | "release6" | "read" | "write";
  key: bigint;
  newKey: bigint;
  type: number;
}

/**
 * The standard's rules once more, as a list of keys, a reservation and a RESERVE: written to be read beside [SPC-4] 5.12,
 * and in no way like the code that it judges. Answers what `Reserver` answers.
 */
class Model {
  keys: Partial<Record<Name, bigint>> = {};
  reservation: { type: number; by: Name } | undefined;
  old: Name | undefined;
  generation = 0;
  attentions: Record<Name, Set<string>> = { a: new Set(), b: new Set(), c: new Set() };

  do({ who, what, key, newKey, type }: Step): string {
    if (what === "read" || what === "write") return this.access(who, what) ? "ok" : "conflict";
    if (what === "reserve6" || what === "release6") return this.simple(who, what);
    if (this.old !== undefined) return "conflict";
    if (what === "register" || what === "registerAndIgnore") return this.register(who, what, key, newKey);
    if (this.keys[who] === undefined || this.keys[who] !== key) return "conflict";
    if (what === "reserve") return this.reserve(who, type);
    if (what === "release") return this.release(who, type);
    if (what === "clear") return this.clear(who);
    return this.preempt(who, newKey, type);
  }

  get members(): Name[] {
    return NAMES.filter((name) => this.keys[name] !== undefined);
  }

  get everybodyHolds(): boolean {
    return this.reservation !== undefined && this.reservation.type > 6;
  }

  holds(who: Name): boolean {
    return this.everybodyHolds ? this.keys[who] !== undefined : this.reservation?.by === who;
  }

  access(who: Name, what: "read" | "write"): boolean {
    if (this.old !== undefined) return this.old === who;
    if (this.reservation === undefined || this.holds(who)) return true;
    if (this.reservation.type > 3 && this.keys[who] !== undefined) return true;
    return what === "read" && [1, 5, 7].includes(this.reservation.type);
  }

  simple(who: Name, what: "reserve6" | "release6"): string {
    if (this.members.length > 0) {
      const shared = this.reservation !== undefined && this.reservation.type > 3 && this.keys[who] !== undefined;
      return this.holds(who) || shared ? "ok" : "conflict";
    }
    if (what === "release6") {
      if (this.old === who) this.old = undefined;
      return "ok";
    }
    if (this.old !== undefined && this.old !== who) return "conflict";
    this.old = who;
    return "ok";
  }

  register(who: Name, what: string, key: bigint, newKey: bigint): string {
    if (what === "register" && (this.keys[who] ?? 0n) !== key) return "conflict";
    if (newKey === 0n && this.keys[who] === undefined) return "ok";
    this.generation++;
    if (newKey !== 0n) {
      this.keys[who] = newKey;
      return "ok";
    }
    const held = this.holds(who);
    delete this.keys[who];
    if (held && (!this.everybodyHolds || this.members.length === 0)) this.drop(who);
    return "ok";
  }

  reserve(who: Name, type: number): string {
    if (type === 0 || type === 2) return "05/24/00";
    if (this.reservation === undefined) this.reservation = { type, by: who };
    else if (!this.holds(who) || this.reservation.type !== type) return "conflict";
    return "ok";
  }

  release(who: Name, type: number): string {
    if (!this.holds(who)) return "ok";
    if (this.reservation?.type !== type) return "05/26/04";
    this.drop(who);
    return "ok";
  }

  clear(who: Name): string {
    this.generation++;
    for (const name of this.members) if (name !== who) this.attentions[name].add("2a/03");
    this.keys = {};
    this.reservation = undefined;
    return "ok";
  }

  preempt(who: Name, victim: bigint, type: number): string {
    const all = victim === 0n && this.everybodyHolds;
    if (victim === 0n && !all) return "05/26/00";
    const holderKey = this.reservation && !this.everybodyHolds ? this.keys[this.reservation.by] : undefined;
    const takes = all || holderKey === victim;
    if (takes && (type === 0 || type === 2)) return "05/24/00";
    const victims = this.members.filter((name) => (all || this.keys[name] === victim) && !(takes && name === who));
    if (!takes && victims.length === 0) return "conflict";
    this.generation++;
    for (const name of victims) {
      delete this.keys[name];
      if (name !== who) this.attentions[name].add("2a/05");
    }
    if (takes) {
      if (this.reservation?.type !== type)
        for (const name of this.members) if (name !== who) this.attentions[name].add("2a/04");
      this.reservation = { type, by: who };
    } else if (this.members.length === 0) this.reservation = undefined;
    return "ok";
  }

  /** The reservation goes; whoever shared in it is told. */
  drop(who: Name): void {
    if ((this.reservation?.type ?? 0) > 3)
      for (const name of this.members) if (name !== who) this.attentions[name].add("2a/04");
    this.reservation = undefined;
  }

  get told(): string {
    if (this.reservation === undefined) return "none";
    return `type ${this.reservation.type} by ${this.everybodyHolds ? 0 : this.keys[this.reservation.by]}`;
  }
}

const step: fc.Arbitrary<Step> = fc.record({
  who: fc.constantFrom(...NAMES),
  what: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("register", "registerAndIgnore", "reserve") },
    {
      weight: 3,
      arbitrary: fc.constantFrom("release", "clear", "preempt", "preemptAndAbort", "reserve6", "release6"),
    },
    { weight: 1, arbitrary: fc.constantFrom("read", "write") },
  ) as fc.Arbitrary<Step["what"]>,
  key: fc.constantFrom(...KEYS),
  newKey: fc.constantFrom(...KEYS),
  type: fc.constantFrom(...TYPES),
});

/** The same step with the key that is right, and the holder's for its victim: else most of them meet a conflict. */
function aimed(model: Model, step: Step, right: boolean): Step {
  if (!right) return step;
  const { who, what, newKey } = step;
  const preempts = what === "preempt" || what === "preemptAndAbort";
  const holderKey = (preempts && model.reservation && model.keys[model.reservation.by]) || newKey;
  return { ...step, key: model.keys[who] ?? 0n, newKey: holderKey };
}

/** Where most sequences begin: everybody is registered. */
const BEGINNING: readonly Step[] = NAMES.map((who, index) => ({
  who,
  what: "register",
  key: 0n,
  newKey: BigInt(index + 1),
  type: 0,
}));

test("three nexuses, whatever they do, meet the standard's rules", () => {
  const steps = fc.array(fc.tuple(step, fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false))), {
    minLength: 1,
    maxLength: 40,
    size: "max",
  });
  fc.assert(
    fc.property(fc.nat(3), steps, (registered, sequence) => {
      const device = deviceWithDisk(memory);
      const scsi = new Reserver(device, memory);
      const nexuses = { a: makeNexus("a"), b: makeNexus("b"), c: makeNexus("c") };
      for (const nexus of Object.values(nexuses)) device.nexusOpened(nexus);
      const model = new Model();
      const beginning = BEGINNING.slice(0, registered).map((first): [Step, boolean] => [first, false]);
      for (const [raw, right] of [...beginning, ...sequence]) {
        const next = aimed(model, raw, right);
        const expected = model.do(next);
        expect([next, perform(scsi, nexuses[next.who], next)]).toEqual([next, expected]);
        for (const name of NAMES) {
          expect([next, name, new Set(scsi.attentions(nexuses[name]))]).toEqual([next, name, model.attentions[name]]);
          model.attentions[name].clear();
        }
        if (model.old !== undefined) continue;
        expect([next, scsi.reservation(nexuses.a), scsi.keys(nexuses.b).generation]).toEqual([
          next,
          model.told,
          model.generation,
        ]);
        expect(scsi.keys(nexuses.c).keys.sort()).toEqual(model.members.map((name) => model.keys[name]).sort());
      }
    }),
    { numRuns: 150 },
  );
});

function perform(scsi: Reserver, nexus: ReturnType<typeof makeNexus>, { what, key, newKey, type }: Step): string {
  if (what === "read") return scsi.outcome(nexus, READ);
  if (what === "write") return scsi.outcome(nexus, WRITE, BLOCK);
  if (what === "reserve6") return scsi.outcome(nexus, RESERVE_6);
  if (what === "release6") return scsi.outcome(nexus, RELEASE_6);
  return scsi.out(nexus, what, { key, newKey, type });
}
