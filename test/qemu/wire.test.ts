import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as wire from "../../src/ports/qemu/wire.ts";

const HEADER = readFileSync(new URL("../../qemu/wire.h", import.meta.url), "utf8");
const PROTOCOL = readFileSync(new URL("../../qemu/PROTOCOL.md", import.meta.url), "utf8");
const SIZES: Readonly<Record<string, number>> = { uint8_t: 1, uint32_t: 4, uint64_t: 8 };

function defines(): Record<string, number> {
  return Object.fromEntries(
    [...HEADER.matchAll(/^#define (WIRE_\w+) (\w+)/gm)].map(([, name = "", value]) => [name, Number(value)]),
  );
}

/** Offsets of a structure's fields, and its size. */
function structure(name: string): Record<string, number> {
  const body = new RegExp(`struct ${name} \\{([^}]*)\\}`).exec(HEADER)?.[1];
  if (body === undefined) throw new Error(`wire.h has no struct ${name}`);
  const offsets: Record<string, number> = {};
  let at = 0;
  for (const [, type = "", field = "", count = "1"] of body.matchAll(/(\w+_t) (\w+)(?:\[(\d+)\])?;/g)) {
    const size = SIZES[type] ?? Number.NaN;
    // No compiler pads a field that stands at a multiple of its size.
    expect(at % size, `${name}.${field}`).toBe(0);
    offsets[field] = at;
    at += size * Number(count);
  }
  return { ...offsets, size: at };
}

test("wire.ts and wire.h have the same constants", () => {
  const ours = Object.fromEntries(Object.entries(wire).filter(([name]) => name.startsWith("WIRE_")));
  expect(defines()).toEqual(ours);
});

test("wire.ts and wire.h have the same structures", () => {
  expect(structure("wire_header")).toEqual({
    length: wire.HEADER_LENGTH,
    type: wire.HEADER_TYPE,
    unit: wire.HEADER_UNIT,
    epoch: wire.HEADER_EPOCH,
    size: wire.HEADER_SIZE,
  });
  expect(structure("wire_hello")).toMatchObject({
    magic: wire.HELLO_MAGIC,
    version: wire.HELLO_VERSION,
    units: wire.HELLO_UNITS,
    area: wire.HELLO_AREA,
    size: wire.HELLO_SIZE,
  });
  expect(structure("wire_hello_unit").size).toBe(wire.HELLO_UNIT_SIZE);
  expect(structure("wire_entry")).toMatchObject({
    entry: 0,
    iu_length: wire.ENTRY_IU_LENGTH,
    table_length: wire.ENTRY_TABLE_LENGTH,
    data_length: wire.ENTRY_DATA_LENGTH,
    area_length: wire.ENTRY_AREA_LENGTH,
    area_position: wire.ENTRY_AREA_POSITION,
    area_taken: wire.ENTRY_AREA_TAKEN,
    size: wire.ENTRY_SIZE,
  });
  expect(structure("wire_read_done")).toEqual({
    id: wire.READ_DONE_ID,
    status: wire.READ_DONE_STATUS,
    size: wire.READ_DONE_SIZE,
  });
  expect(structure("wire_write").size).toBe(wire.WRITE_SIZE);
  expect(structure("wire_write_area")).toEqual({
    ioba: 0,
    position: wire.WRITE_AREA_POSITION,
    length: wire.WRITE_AREA_LENGTH,
    size: wire.WRITE_AREA_SIZE,
  });
  expect(structure("wire_read")).toEqual({
    id: 0,
    length: wire.READ_LENGTH,
    ioba: wire.READ_IOBA,
    size: wire.READ_SIZE,
  });
  expect(structure("wire_respond")).toMatchObject({
    response_ioba: 0,
    entry: wire.RESPOND_ENTRY,
    area_taken: wire.RESPOND_AREA_TAKEN,
    size: wire.RESPOND_SIZE,
  });
});

test("PROTOCOL.md tells every message with its type", () => {
  const told = [...PROTOCOL.matchAll(/^### (\w+) (0x\w+)$/gm)].map(([, name, type]) => [`WIRE_${name}`, Number(type)]);
  const limits = new Set(["WIRE_VERSION", "WIRE_MAGIC", "WIRE_AREA_HALF", "WIRE_AREA_THRESHOLD"]);
  const types = Object.entries(defines()).filter(([name]) => !limits.has(name) && !name.endsWith("_MAX"));
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(types));
});
