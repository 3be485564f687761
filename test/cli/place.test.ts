import { expect, test } from "vitest";
import { parsePlace } from "../../src/cli/place.ts";

test.each<[string, object]>([
  ["disk1", { unit: "disk1" }],
  ["0x71000003/2", { adapter: "0x71000003", target: 2, lun: 0 }],
  ["0x71000003/2.1", { adapter: "0x71000003", target: 2, lun: 1 }],
  ["0x71000003/3.2.1", { adapter: "0x71000003", bus: 3, target: 2, lun: 1 }],
  ["aix-7.2@0x1/0", { guest: "aix-7.2", adapter: "0x1", target: 0, lun: 0 }],
  ["iqn.2026-11.net.vscsi:disks/7", { iscsiTarget: "iqn.2026-11.net.vscsi:disks", lun: 7 }],
])("%s", (text, place) => {
  expect(parsePlace(text)).toEqual(place);
});

test.each(["0x71000003/", "0x71000003/1.2.3.4", "0x1/x", "0x1/-1", "0x1/1.5e0.", "iqn.x/1.2", "a@b@0x1/1.2"])(
  "%s is no place",
  (text) => {
    expect(() => parsePlace(text)).toThrow(/no place of a logical unit/);
  },
);
