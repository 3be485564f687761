import { expect, test } from "vitest";
import {
  COMMANDS_CLEARED,
  REGISTRATIONS_PREEMPTED,
  REPORTED_LUNS_CHANGED,
  RESET_OCCURRED,
  type Sense,
} from "../../src/scsi/sense.ts";
import { UnitAttentions } from "../../src/scsi/unit-attentions.ts";
import { makeNexus } from "../support/scsi-task.ts";

const nexus = makeNexus("a");

function withConditions(...conditions: Sense[]): UnitAttentions {
  const attentions = new UnitAttentions();
  attentions.opened(nexus);
  for (const condition of conditions) attentions.establish(nexus, condition);
  return attentions;
}

function taken(attentions: UnitAttentions): Sense[] {
  const found: Sense[] = [];
  for (let next = attentions.take(nexus); next !== undefined; next = attentions.take(nexus)) found.push(next);
  return found;
}

test("in the order in which they came, each once", () => {
  const attentions = withConditions(COMMANDS_CLEARED, REPORTED_LUNS_CHANGED, COMMANDS_CLEARED);
  expect(taken(attentions)).toEqual([COMMANDS_CLEARED, REPORTED_LUNS_CHANGED]);
});

test("a reset makes the earlier ones void, not the later ones", () => {
  const attentions = withConditions(COMMANDS_CLEARED, RESET_OCCURRED, REGISTRATIONS_PREEMPTED);
  expect(taken(attentions)).toEqual([RESET_OCCURRED, REGISTRATIONS_PREEMPTED]);
});

test("too many become one that tells to look at everything anew", () => {
  const many = Array.from({ length: 17 }, (_, ascq) => ({ ...COMMANDS_CLEARED, ascq }));
  expect(taken(withConditions(...many))).toEqual([RESET_OCCURRED]);
  expect(taken(withConditions(...many.slice(1)))).toEqual(many.slice(1));
});
