/** A function of a module, as its type section has it: every one of ours takes and gives i32 only. */
interface FunctionShape {
  readonly parameters: number;
  readonly results: number;
}

interface WasmModule {
  readonly exports: ReadonlyMap<string, FunctionShape>;
  /** "module.name" of what is imported. */
  readonly imports: readonly string[];
  /** Of the memory that is imported. */
  readonly memory: { readonly shared: boolean; readonly minimum: number; readonly maximum: number | undefined };
}

const HEADER = 8;
const [TYPES, IMPORTS, FUNCTIONS, EXPORTS] = [1, 2, 3, 7];
const [KIND_FUNCTION, KIND_MEMORY] = [0, 2];
const I32 = 0x7f;
const [HAS_MAXIMUM, SHARED] = [1, 2];

/** Reads the sections of a WebAssembly module that tell its interface. @throws Error for what our modules have not */
export function readWasmModule(bytes: Uint8Array): WasmModule {
  const reader = new Reader(bytes, HEADER);
  const sections = new Map<number, Reader>();
  while (reader.at < bytes.length) {
    const id = reader.byte();
    sections.set(id, reader.part());
  }
  const section = (id: number) => sections.get(id) ?? new Reader(Uint8Array.of(0), 0);
  const types = section(TYPES).list(readType);
  const imports = section(IMPORTS).list(readImport);
  const functions = section(FUNCTIONS).list((part) => types[part.number()]);
  const exported = section(EXPORTS).list((part) => ({ name: part.text(), kind: part.byte(), index: part.number() }));
  const exports = new Map<string, FunctionShape>();
  for (const { name, kind, index } of exported) {
    const shape = functions[index];
    if (kind === KIND_FUNCTION && shape !== undefined) exports.set(name, shape);
  }
  const [memory] = imports;
  if (memory === undefined) throw new Error("no memory is imported");
  return { exports, imports: imports.map(({ name }) => name), memory };
}

function readType(part: Reader): FunctionShape | undefined {
  part.byte();
  const [parameters, results] = [part.list((types) => types.byte()), part.list((types) => types.byte())];
  const plain = [...parameters, ...results].every((type) => type === I32);
  return plain ? { parameters: parameters.length, results: results.length } : undefined;
}

function readImport(part: Reader) {
  const name = `${part.text()}.${part.text()}`;
  if (part.byte() !== KIND_MEMORY) throw new Error(`${name} is no memory`);
  const flags = part.byte();
  const minimum = part.number();
  const maximum = flags & HAS_MAXIMUM ? part.number() : undefined;
  return { name, shared: (flags & SHARED) !== 0, minimum, maximum };
}

class Reader {
  at: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  byte(): number {
    return this.#bytes[this.at++] ?? 0;
  }

  /** LEB128. */
  number(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  part(): Reader {
    const length = this.number();
    const start = this.at;
    this.at += length;
    return new Reader(this.#bytes.subarray(start, this.at), 0);
  }

  text(): string {
    const part = this.part();
    return Buffer.from(part.#bytes).toString("utf8");
  }

  list<Item>(read: (reader: Reader) => Item): Item[] {
    return Array.from({ length: this.number() }, () => read(this));
  }
}
