import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import * as fuse from "../../src/abi/fuse.ts";
import { type AttributeRows, rowsDirectory } from "../../src/config/attribute-rows.ts";
import { type Directory, directory, refusal } from "../../src/config/tree.ts";
import { TreeFiles } from "../../src/control/fuse/operations.ts";

const OUT = fuse.OUT_HEADER_SIZE;
const OWNER = { uid: 7, gid: 8, time: 9 };
/** Root, and the first two nodes that are looked up. */
const [ROOT, FIRST] = [fuse.FUSE_ROOT_ID, fuse.FUSE_ROOT_ID + 1];

interface Subject {
  value: string;
}
const ROWS: AttributeRows<Subject> = {
  value: {
    doc: { what: "a value", accepts: "anything but no" },
    show: ({ value }) => value,
    store: async (subject, text) => {
      if (text === "no\n") return refusal("EBUSY", "no");
      subject.value = text;
      return undefined;
    },
  },
  fixed: { doc: { what: "fixed" }, show: () => "fixed" },
  bytes: { doc: { what: "bytes" }, show: () => Uint8Array.of(1, 2, 3) },
  gone: { doc: { what: "gone" }, show: () => refusal("ENODEV", "gone") },
};

let subject: Subject;
let made: Set<string>;
let files: TreeFiles;

beforeEach(() => {
  subject = { value: "first" };
  made = new Set(["one"]);
  files = new TreeFiles(root(), OWNER, () => Promise.resolve());
});

function root(): Directory {
  return rowsDirectory("root", ROWS, subject, {
    list: () => made,
    lookup: (name) => (made.has(name) ? directory("made", {}) : undefined),
    make: async (name) => {
      if (made.has(name)) return refusal("EEXIST", "is there");
      made.add(name);
      return undefined;
    },
    remove: async (name) => (made.delete(name) ? undefined : refusal("ENOENT", "is not there")),
  });
}

function name(text: string, before = 0): Buffer {
  return Buffer.concat([Buffer.alloc(before), Buffer.from(`${text}\0`)]);
}

async function reply(opcode: number, node: number, body: Buffer): Promise<Buffer> {
  const answer = await files.answer(opcode, node, body);
  if (!(answer instanceof Buffer)) throw new Error(`answered ${answer}`);
  return answer.subarray(OUT);
}

async function lookUp(text: string): Promise<number> {
  return Number((await reply(fuse.FUSE_LOOKUP, ROOT, name(text))).readBigUInt64LE(fuse.ENTRY_NODE));
}

async function opened(node: number, opcode = fuse.FUSE_OPEN, flags = 0): Promise<bigint> {
  const body = Buffer.alloc(fuse.OPEN_IN_SIZE);
  body.writeUInt32LE(flags);
  return (await reply(opcode, node, body)).readBigUInt64LE(fuse.OPEN_HANDLE);
}

function io(handle: bigint, offset: number, size: number, data = Buffer.alloc(0)): Buffer {
  const body = Buffer.alloc(fuse.IO_IN_SIZE);
  body.writeBigUInt64LE(handle, fuse.IO_HANDLE);
  body.writeBigUInt64LE(BigInt(offset), fuse.IO_OFFSET);
  body.writeUInt32LE(size, fuse.IO_SIZE);
  return Buffer.concat([body, data]);
}

describe("attributes", () => {
  test("are read with a line end, from one moment", async () => {
    const node = await lookUp("value");
    const handle = await opened(node);
    expect((await reply(fuse.FUSE_READ, node, io(handle, 0, 3))).toString()).toBe("fir");
    subject.value = "second";
    expect((await reply(fuse.FUSE_READ, node, io(handle, 3, 100))).toString()).toBe("st\n");
    expect((await reply(fuse.FUSE_READ, node, io(handle, 0, 100))).toString()).toBe("second\n");
    expect((await reply(fuse.FUSE_READ, node, io(handle, 1000, 100))).length).toBe(0);
  });

  test("bytes are read as they are", async () => {
    const node = await lookUp("bytes");
    expect([...(await reply(fuse.FUSE_READ, node, io(await opened(node), 0, 100)))]).toEqual([1, 2, 3]);
  });

  test("are written as a whole, wherever", async () => {
    const node = await lookUp("value");
    const handle = await opened(node, fuse.FUSE_OPEN, 1);
    const text = Buffer.from("new\n");
    const written = await reply(fuse.FUSE_WRITE, node, io(handle, 4096, text.length, text));
    expect(written.readUInt32LE()).toBe(text.length);
    expect(subject.value).toBe("new\n");
    expect(await files.answer(fuse.FUSE_WRITE, node, io(handle, 0, 3, Buffer.from("no\n")))).toBe("EBUSY");
  });

  test.each<[string, number, () => Buffer, string]>([
    ["more than there is", fuse.FUSE_WRITE, () => io(1n, 0, 100, Buffer.from("x")), "EINVAL"],
    ["more than a page", fuse.FUSE_WRITE, () => io(1n, 0, 4097, Buffer.alloc(4097, 65)), "EFBIG"],
    ["what is no text", fuse.FUSE_WRITE, () => io(1n, 0, 1, Buffer.of(0xff)), "EINVAL"],
    ["with a handle that is none", fuse.FUSE_WRITE, () => io(99n, 0, 1, Buffer.from("x")), "EINVAL"],
    ["a read with one", fuse.FUSE_READ, () => io(99n, 0, 1), "EINVAL"],
    ["a listing with one", fuse.FUSE_READDIR, () => io(1n, 0, 1), "EINVAL"],
    ["a short request", fuse.FUSE_WRITE, () => Buffer.alloc(8), "EINVAL"],
    ["what nobody knows", 999, () => Buffer.alloc(8), "ENOSYS"],
  ])("refused: %s", async (_name, opcode, body, errno) => {
    const node = await lookUp("value");
    expect(await opened(node, fuse.FUSE_OPEN, 1)).toBe(1n);
    expect(await files.answer(opcode, node, body())).toBe(errno);
    expect(subject.value).toBe("first");
  });

  test("what can't be written can't be opened for it; what is gone can't be read", async () => {
    const body = Buffer.alloc(fuse.OPEN_IN_SIZE);
    body.writeUInt32LE(2);
    expect(await files.answer(fuse.FUSE_OPEN, await lookUp("fixed"), body)).toBe("EACCES");
    const gone = await lookUp("gone");
    expect(await files.answer(fuse.FUSE_READ, gone, io(await opened(gone), 0, 10))).toBe("ENODEV");
  });

  test("their owner, mode and size are as in sysfs", async () => {
    const attributes = async (text: string) => {
      const entry = await reply(fuse.FUSE_LOOKUP, ROOT, name(text));
      const at = (field: number) => entry.readUInt32LE(fuse.ENTRY_ATTR + field);
      return [at(fuse.ATTR_MODE).toString(8), at(fuse.ATTR_SIZE_FIELD), at(fuse.ATTR_UID), at(fuse.ATTR_GID)];
    };
    expect(await attributes("value")).toEqual(["100644", 4096, 7, 8]);
    expect(await attributes("fixed")).toEqual(["100444", 4096, 7, 8]);
    expect(await attributes("one")).toEqual(["40755", 0, 7, 8]);
  });
});

describe("directories", () => {
  /** Lists the root with a buffer of `size` bytes, as often as there is more. @param before bytes before each name */
  async function listed(size: number, opcode: number = fuse.FUSE_READDIR, before = 0) {
    const handle = await opened(ROOT, fuse.FUSE_OPENDIR);
    const found: { name: string; node: number; mode: number }[] = [];
    for (let offset = 0; ; ) {
      const page = await reply(opcode, ROOT, io(handle, offset, size));
      if (page.length === 0) return found;
      expect(page.length).toBeLessThanOrEqual(size);
      for (let at = 0; at < page.length; ) {
        const node = before === 0 ? 0 : Number(page.readBigUInt64LE(at + fuse.ENTRY_NODE));
        const mode = before === 0 ? 0 : page.readUInt32LE(at + fuse.ENTRY_ATTR + fuse.ATTR_MODE);
        at += before;
        const length = page.readUInt32LE(at + fuse.DIRENT_NAMELEN);
        found.push({ name: page.toString("utf8", at + fuse.DIRENT_NAME, at + fuse.DIRENT_NAME + length), node, mode });
        offset = Number(page.readBigUInt64LE(at + fuse.DIRENT_OFFSET));
        at += Math.ceil((fuse.DIRENT_NAME + length) / fuse.DIRENT_ALIGNMENT) * fuse.DIRENT_ALIGNMENT;
      }
      made.add(`later${offset}`);
    }
  }

  const NAMES = [".", "..", "value", "fixed", "bytes", "gone", "one"];

  test.each([[64], [100], [4096]])("are listed in pages of %i bytes, as they were at the start", async (size) => {
    expect((await listed(size)).map(({ name }) => name)).toEqual(NAMES);
  });

  test.each([[200], [500], [4096]])("are listed in pages of %i bytes with what LOOKUP tells", async (size) => {
    const found = await listed(size, fuse.FUSE_READDIRPLUS, fuse.ENTRY_OUT_SIZE);
    expect(found.map(({ name }) => name)).toEqual(NAMES);
    expect(found.slice(0, 2).map(({ node }) => node)).toEqual([0, 0]);
    expect(found.slice(2).map(({ mode }) => mode.toString(8))).toEqual([
      "100644",
      "100444",
      "100444",
      "100444",
      "40755",
    ]);
    for (const { name, node } of found.slice(2)) expect(await lookUp(name)).toBe(node);
    // Each was told of twice now.
    const count = Buffer.alloc(fuse.FORGET_IN_SIZE);
    count.writeBigUInt64LE(1n);
    for (const { node } of found) await files.answer(fuse.FUSE_FORGET, node, count);
    expect(files.nodes.size).toBe(NAMES.length - 1);
    for (const { node } of found) await files.answer(fuse.FUSE_FORGET, node, count);
    expect(files.nodes.size).toBe(1);
  });

  test("are made and removed", async () => {
    const entry = await reply(fuse.FUSE_MKDIR, ROOT, name("two", fuse.MKDIR_IN_SIZE));
    expect(Number(entry.readBigUInt64LE(fuse.ENTRY_NODE))).toBe(FIRST);
    expect(await files.answer(fuse.FUSE_MKDIR, ROOT, name("two", fuse.MKDIR_IN_SIZE))).toBe("EEXIST");
    expect(await files.answer(fuse.FUSE_RMDIR, ROOT, name("none"))).toBe("ENOENT");
    expect([...files.nodes.vanished()]).toEqual([]);
    await reply(fuse.FUSE_RMDIR, ROOT, name("two"));
    expect([...files.nodes.vanished()].map((known) => known.name)).toEqual(["two"]);
  });
});

test("a node is forgotten as often as it was looked up", async () => {
  const node = await lookUp("one");
  expect(await lookUp("one")).toBe(node);
  const count = Buffer.alloc(fuse.FORGET_IN_SIZE);
  count.writeBigUInt64LE(1n);
  await files.answer(fuse.FUSE_FORGET, node, count);
  expect(files.nodes.size).toBe(2);
  await files.answer(fuse.FUSE_FORGET, node, count);
  await files.answer(fuse.FUSE_FORGET, ROOT, count);
  expect(files.nodes.size).toBe(1);
  expect(await lookUp("one")).not.toBe(node);
});

test("whatever the kernel sends, there is an answer, and nothing is kept that it has not open", async () => {
  const opcodes = Object.entries(fuse)
    .filter(([key]) => key.startsWith("FUSE_"))
    .map(([, value]) => value);
  const request = fc.record({
    opcode: fc.oneof(fc.constantFrom(...opcodes), fc.nat(64)),
    node: fc.oneof(fc.constantFrom(ROOT, FIRST, FIRST + 1), fc.nat()),
    body: fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom("value", "one", "two", "").map((text) => name(text)),
      fc
        .record({ handle: fc.nat(3), offset: fc.nat(5000), size: fc.nat(9000) })
        .map(({ handle, offset, size }) => io(BigInt(handle), offset, size, Buffer.alloc(64, 65))),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 40 }), async (requests) => {
      files = new TreeFiles(root(), OWNER, () => Promise.resolve());
      for (const { opcode, node, body } of requests) {
        const answer = await files.answer(opcode, node, Buffer.from(body));
        expect(answer === undefined || typeof answer === "string" || answer.length >= OUT).toBe(true);
      }
      // The most that one request makes known: everything that the root lists.
      const listed = requests.length + Object.keys(ROWS).length;
      expect(files.nodes.size).toBeLessThanOrEqual(requests.length + listed + 1);
    }),
  );
});
