// What a new configuration does to guests and their adapters.
import { expect, test } from "vitest";
import { checkConfig } from "../../src/config/load.ts";
import { describeAction, inverse } from "../../src/daemon/running/actions.ts";
import { plan } from "../../src/daemon/running/plan.ts";

function config(guest: object) {
  return checkConfig(
    {
      version: 1,
      guests: [{ name: "lpar1", socket: "/run/one.sock", ...guest }],
      adapters: [
        {
          unitAddress: "0x71000003",
          guest: "lpar1",
          logicalUnits: [{ target: 1, backend: { type: "memory", size: "1M" } }],
        },
      ],
    },
    "test",
  );
}

test("how long the daemon stays awake for a guest changes while the guest runs, and back", () => {
  const actions = plan(config({ pollMicroseconds: 100 }), config({ pollMicroseconds: 0 }));
  expect(actions).toMatchObject([{ do: "change-guest", from: { pollMicroseconds: 100 }, to: { pollMicroseconds: 0 } }]);
  expect(actions.map(describeAction)).toEqual([
    { change: "change", what: "guest lpar1", detail: "pollMicroseconds 100 → 0" },
  ]);
  expect(actions.map(inverse)).toEqual(plan(config({ pollMicroseconds: 0 }), config({ pollMicroseconds: 100 })));
});

test("another socket is another guest: its adapters and what they show are made anew", () => {
  const names = plan(config({}), config({ socket: "/run/other.sock", pollMicroseconds: 0 })).map((action) => action.do);
  expect(names).toEqual([
    "stop-guest",
    "stop-adapter",
    "hide",
    "remove-adapter",
    "remove-guest",
    "add-guest",
    "add-adapter",
    "show",
    "start-adapter",
    "start-guest",
  ]);
});

test("the same configuration changes nothing", () => {
  expect(plan(config({}), config({ pollMicroseconds: 1000 }))).toEqual([]);
});
