// The core's own work: WebAssembly, its plain JavaScript twin, and the same in C.
import { CRQ_COMMAND, CRQ_ENTRY_SIZE } from "../../dist/abi/crq.js";
import { TCE_PAGE_SIZE as PAGE, TCE_WRITE } from "../../dist/abi/papr.js";
import * as records from "../../dist/abi/records.js";
import { SRP_CMD_LENGTH, SRP_DIRECT_LENGTH, SRP_IU_MAX, SRP_LOGIN_REQ_LENGTH } from "../../dist/abi/srp.js";
import { CoreCases } from "../lib/core-case.mjs";
import { DATA_PAGE, RING_ENTRIES, SCATTERED_PAGE } from "../lib/core-world.mjs";
import { hasCompiler, Native } from "../lib/native.mjs";
import { keepOnOneProcessor } from "../lib/processor.mjs";

const BATCH = 64;
const REPEATS = 32;
const DIRECT_LENGTH = SRP_CMD_LENGTH + SRP_DIRECT_LENGTH;
const KIB = 1024;

const times = (count, make) => Array.from({ length: count }, (_, index) => make(index));
/** Memory that each sample begins with. */
const ringAndCounters = (world) => [
  world.saved(world.ring, RING_ENTRIES * CRQ_ENTRY_SIZE),
  world.saved(world.client, PAGE),
  world.saved(world.adapter, records.ADAPTER_SIZE),
  world.saved(world.queue, records.QUEUE_SIZE),
];

/** Commands with one direct descriptor of 4 KiB each, as `put` would put them on a ring. */
function writeRequests(world, count, place) {
  for (let index = 0; index < count; index++) {
    const ioba = world.writeCommand(index, [{ ioba: (DATA_PAGE + index) * PAGE, length: PAGE }]);
    world.writeEntry(place + index * CRQ_ENTRY_SIZE, ioba, DIRECT_LENGTH);
  }
}

const put = () => ({
  name: "ring put",
  operations: BATCH,
  build(world) {
    writeRequests(world, BATCH, world.entries);
    const calls = times(BATCH, (index) => [world.queue, world.entries + index * CRQ_ENTRY_SIZE]);
    return { phases: [{ function: "crq_put", calls }], restores: ringAndCounters(world) };
  },
});

const scan = (pending) => ({
  name: `ring scan and clear, ${pending} pending`,
  operations: RING_ENTRIES,
  build(world) {
    for (let at = 0; at < RING_ENTRIES; at++) world.memory.u8[world.ring + at * CRQ_ENTRY_SIZE] = CRQ_COMMAND;
    const calls = times(RING_ENTRIES / pending, (turn) => [
      world.ring,
      RING_ENTRIES,
      turn * pending,
      world.entries,
      pending,
    ]);
    return { phases: [{ function: "crq_scan", calls }], restores: ringAndCounters(world) };
  },
});

const drain = (pending) => ({
  name: `scan, clear, fetch and decode, ${pending} pending`,
  operations: Math.max(pending, BATCH),
  build(world) {
    const entries = Math.max(pending, BATCH);
    writeRequests(world, entries, world.ring);
    const calls = times(entries / pending, () => [world.adapter, pending]);
    return { phases: [{ function: "drain", calls }], restores: ringAndCounters(world) };
  },
});

const decode = (name, length, write) => ({
  name: `decode ${name}`,
  operations: REPEATS,
  build(world) {
    const slot = world.slotWith(write(world), length);
    return {
      phases: [{ function: "srp_decode", calls: times(REPEATS, () => [world.adapter, slot, 0]) }],
      restores: [],
    };
  },
});

/** Data descriptors that do not join, of a page each. */
const segments = (count) =>
  times(count, (index) => ({ ioba: (SCATTERED_PAGE + DATA_PAGE + index) * PAGE, length: PAGE }));

const indirect = (count, inline) =>
  decode(
    `CMD, ${count} indirect descriptor${count > 1 ? "s" : ""}`,
    SRP_CMD_LENGTH + 20 + inline * SRP_DIRECT_LENGTH,
    (world) => world.writeCommand(0, segments(count), inline),
  );

const translate = (name, page, length) => ({
  name: `translate ${length / KIB} KiB${name}`,
  operations: REPEATS,
  build(world) {
    const call = [world.window, 0, page * PAGE, length, TCE_WRITE, world.extents, records.EXTENT_COUNT_MAX];
    return { phases: [{ function: "tce_translate", calls: times(REPEATS, () => call) }], restores: [] };
  },
});

/** Offsets into a page, of source and destination, that suit no vector. */
const UNALIGNED = { ours: 3, theirs: 13 };
const ALIGNED = { ours: 0, theirs: 0 };
const sizeName = (bytes) => (bytes < KIB ? `${bytes} B` : bytes < KIB * KIB ? `${bytes / KIB} KiB` : "1 MiB");
const copyName = (what, { ours }, hot) => `${what}${ours ? ", not aligned" : ""}${hot ? ", same bytes again" : ""}`;

/**
 * Where the bytes of each copy of a sample come from and go to. As with requests in flight every copy has buffers of its
 * own, of 1 MiB and two copies at least; or, `hot`, all have the same, which are then as near to the processor as can be.
 */
function buffers(length, { ours, theirs }, hot) {
  const count = Math.min(64, Math.max(2, (KIB * KIB) / length));
  return times(count, (index) => {
    const offset = hot ? 0 : index * length;
    return { source: ours + offset, destination: DATA_PAGE * PAGE + theirs + offset };
  });
}

/** The same bytes, each copy in one call of C's memcpy. */
function bareCopies(world, length, places) {
  const calls = places.map(({ source, destination }) => [world.client + destination, world.data + source, length]);
  return { phases: [{ function: "memcpy", calls }], restores: [] };
}

const rdma = (length, alignment = ALIGNED, hot = false) => {
  const places = buffers(length, alignment, hot);
  return {
    name: copyName(`copy ${sizeName(length)} page by page`, alignment, hot),
    operations: places.length,
    bytes: length,
    build(world) {
      const calls = places.map(({ source, destination }) => [
        world.window,
        0,
        destination,
        world.data + source,
        length,
      ]);
      return { phases: [{ function: "rdma_write", calls }], restores: [] };
    },
    bare: (world) => bareCopies(world, length, places),
  };
};

const scatter = (length, count, alignment = ALIGNED, hot = false) => {
  const places = buffers(length, alignment, hot);
  return {
    name: copyName(`copy ${sizeName(length)} to ${count} segment${count > 1 ? "s" : ""}`, alignment, hot),
    operations: places.length,
    bytes: length,
    build(world) {
      const calls = places.map(({ source, destination }, index) => [
        world.adapter,
        world.slotWithExtents(index, world.client + destination, length, count),
        0,
        world.data + source,
        length,
      ]);
      return { phases: [{ function: "scatter", calls }], restores: [] };
    },
    bare: (world) => bareCopies(world, length, places),
  };
};

const response = () => ({
  name: "build response and entry",
  operations: REPEATS,
  build(world) {
    const slot = world.slotWith(world.writeCommand(0, [{ ioba: DATA_PAGE * PAGE, length: PAGE }]), DIRECT_LENGTH);
    return {
      phases: [
        { function: "srp_build_response", calls: times(REPEATS, () => [slot]) },
        { function: "srp_build_entry", calls: times(REPEATS, () => [slot, world.entries]) },
      ],
      restores: [],
    };
  },
});

const batch = (count) => ({
  name: `batch of ${count}: put, drain, answer, complete, scan`,
  operations: count,
  build(world) {
    writeRequests(world, count, world.entries);
    // The ring that is put to is the client's own here: what matters is that it costs what the server's would.
    writeRequests(world, count, world.ring);
    const calls = times(count, (index) => [world.queue, world.entries + index * CRQ_ENTRY_SIZE]);
    const out = world.entries;
    return {
      phases: [
        { function: "crq_put", calls },
        { function: "crq_scan", calls: [[world.client, RING_ENTRIES, 0, world.extents, count]] },
        { function: "drain", calls: [[world.adapter, count]] },
        { function: "answer_ready", calls: [[world.adapter, count]] },
        { function: "complete", calls: [[world.adapter, count]] },
        { function: "crq_scan", calls: [[world.client, RING_ENTRIES, count, world.extents, count]] },
      ],
      restores: [
        ...ringAndCounters(world),
        world.saved(out, count * CRQ_ENTRY_SIZE),
        world.saved(world.client + world.iuIoba(0), count * SRP_IU_MAX),
      ],
    };
  },
});

const SIZES = [512, 4 * KIB, 64 * KIB, 256 * KIB, KIB * KIB];

const CASES = [
  put(),
  ...[1, 16, 64, 256].map(scan),
  ...[1, 16, 64, 256].map(drain),
  decode("LOGIN", SRP_LOGIN_REQ_LENGTH, (world) => world.writeLogin(0)),
  decode("CMD, direct descriptor", DIRECT_LENGTH, (world) =>
    world.writeCommand(0, [{ ioba: DATA_PAGE * PAGE, length: PAGE }]),
  ),
  indirect(1, 1),
  indirect(10, 10),
  indirect(64, 0),
  translate("", DATA_PAGE, 4 * KIB),
  translate(", pages side by side", DATA_PAGE, 64 * KIB),
  translate(", pages scattered", SCATTERED_PAGE + DATA_PAGE, 64 * KIB),
  ...SIZES.flatMap((length) => [rdma(length), rdma(length, UNALIGNED)]),
  ...SIZES.flatMap((length) => [scatter(length, 1), scatter(length, 1, UNALIGNED)]),
  ...[4, 16, 64].map((count) => scatter(256 * KIB, count)),
  scatter(4 * KIB, 1, ALIGNED, true),
  scatter(64 * KIB, 1, ALIGNED, true),
  response(),
  ...[1, 16, 64].map(batch),
];

/** @type {import("../main.mjs").Group} */
export const hotPath = {
  name: "hot-path",
  title: "Hot path: the core in WebAssembly, in JavaScript, in C",
  async *cases({ milliseconds, wanted, skip }) {
    const letGo = keepOnOneProcessor();
    if (!letGo) skip("the same processor for all", "there is no taskset (util-linux)");
    const native = hasCompiler() ? await Native.start() : undefined;
    if (!native) skip("C", "there is no C compiler (cc)");
    try {
      const cases = new CoreCases(milliseconds, native);
      for (const entry of CASES) if (wanted(entry.name)) yield await cases.make(entry);
    } finally {
      native?.stop();
      letGo?.();
    }
  },
};
