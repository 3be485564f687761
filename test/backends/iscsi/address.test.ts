import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lunBytes, parseIscsiUrl, parseTargetAddress } from "../../../src/backends/iscsi/address.ts";
import { DeviceError } from "../../../src/scsi/passthrough/device-error.ts";

const TARGET = "iqn.2026-11.net.example:disks";

describe("an iSCSI URL", () => {
  test.each([
    [`iscsi://host/${TARGET}/1`, { host: "host", port: 3260, target: TARGET, lun: 1, user: undefined }],
    [`iscsi://192.0.2.7:3261/${TARGET}/0`, { host: "192.0.2.7", port: 3261, lun: 0 }],
    [`iscsi://[2001:db8::1]:860/${TARGET}/16383`, { host: "2001:db8::1", port: 860, lun: 16_383 }],
    [`iscsi://us%it/s:a secret@host/${TARGET}/1`, { host: "host", user: "us", password: "it/s:a secret" }],
    [`iscsi://us@host/${TARGET}/1`, { user: "us", password: undefined }],
    ["iscsi://host/naa.0123456789abcdef/1", { target: "naa.0123456789abcdef" }],
  ])("%s", (url, parts) => {
    expect(parseIscsiUrl(url)).toMatchObject(parts);
  });

  test.each([
    ["iscsi://host/1", "is no iSCSI URL"],
    [`http://host/${TARGET}/1`, "is no iSCSI URL"],
    [`iscsi:///${TARGET}/1`, "is no iSCSI URL"],
    [`iscsi://host/${TARGET}/1?header_digest=crc32c`, "beside it in the configuration"],
    [`iscsi://host/${TARGET}/16384`, "LUNs are 0 to 16383"],
    [`iscsi://host:65536/${TARGET}/1`, "ports are 1 to 65535"],
    [`iscsi://host:0/${TARGET}/1`, "ports are 1 to 65535"],
  ])("%s: %s", (url, message) => {
    expect(() => parseIscsiUrl(url)).toThrow(message);
  });

  test("never shows its secret", () => {
    expect(parseIscsiUrl(`iscsi://us%hidden@host/${TARGET}/1`).text).toBe(`iscsi://us%***@host/${TARGET}/1`);
    for (const wrong of [`iscsi://us%hidden@host/${TARGET}/x`, `iscsi://us%hidden@host/${TARGET}/99999`])
      try {
        parseIscsiUrl(wrong);
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(DeviceError);
        expect(String(error)).not.toContain("hidden");
      }
  });

  test("is one, or a DeviceError, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."iscsi:/@%[].1?x") }), (tail) => {
        try {
          parseIscsiUrl(`iscsi://${tail}`);
        } catch (error) {
          expect(error).toBeInstanceOf(DeviceError);
        }
      }),
    );
  });
});

test("LUNs stand as initiators write them", () => {
  expect([0, 255, 256, 16_383].map((lun) => Buffer.from(lunBytes(lun)).toString("hex"))).toEqual([
    "0000000000000000",
    "00ff000000000000",
    "4100000000000000",
    "7fff000000000000",
  ]);
});

test.each([
  ["host", { host: "host", port: 3260 }],
  ["192.0.2.7:3261,1", { host: "192.0.2.7", port: 3261 }],
  ["[2001:db8::1]:3261,1", { host: "2001:db8::1", port: 3261 }],
  ["host:0", undefined],
  ["host:99999", undefined],
  ["a b", undefined],
  ["", undefined],
  ["../x", undefined],
])("a target that has moved to %j", (text, place) => {
  expect(parseTargetAddress(text)).toEqual(place);
});
