/** A tool of sg3_utils that ran in a guest: what it sent last, and what came of it. */
export interface ToolAnswer {
  tool: string;
  /** The tool's exit status. */
  status: number;
  cdb: readonly number[];
  /** What it wrote to its standard output. */
  output: Buffer;
}

/**
 * Shell functions for a job: `ask TOOL OPTION…` runs a tool on /dev/sda and prints what `toolAnswers` reads. The console
 * is the job's alone: the kernel would write between.
 */
export const ASK = `
echo 1 > /proc/sys/kernel/printk
ask() {
  "$@" -v /dev/sda > /tmp/out 2> /tmp/err
  echo "TOOL $* = $?"
  echo "CDB $(sed -n 's/.*cdb: .*\\[\\(.*\\)\\].*/\\1/p' /tmp/err | tail -n 1)"
  echo "OUTPUT $(od -An -v -tx1 /tmp/out | tr -d ' \\n')"
}
`;

/** Reads what `ask` printed, in its order. */
export function toolAnswers(lines: readonly string[]): ToolAnswer[] {
  return lines.flatMap((line, at) => {
    const [, tool = "", status] = /^TOOL (.*) = (\d+)$/.exec(line) ?? [];
    if (status === undefined) return [];
    const [, cdb = ""] = /^CDB ([0-9a-f ]+)$/.exec(lines[at + 1] ?? "") ?? [];
    const [, output = ""] = /^OUTPUT ([0-9a-f]*)$/.exec(lines[at + 2] ?? "") ?? [];
    const bytes = cdb.split(" ").map((byte) => Number.parseInt(byte, 16));
    return [{ tool, status: Number(status), cdb: bytes, output: Buffer.from(output, "hex") }];
  });
}

/**
 * The parameter data of PERSISTENT RESERVE IN that `sg_persist -H` tells: a dump, whose lines are an offset and up to 16
 * bytes in hexadecimal. It writes PRGENERATION and ADDITIONAL LENGTH (SPC-4 6.15.2), where there are such, before it.
 */
export function persistBytes(output: Buffer): Buffer {
  const text = output.toString("latin1");
  const rows = text.matchAll(/^ ?[0-9a-f]{2,} {4,}((?:[0-9a-f]{2} *)+)$/gm);
  const dump = Buffer.from([...rows].map(([, bytes = ""]) => bytes.replace(/\s/g, "")).join(""), "hex");
  const [, generation, length] = /PR generation=(0x[0-9a-f]+), Additional length=(\d+)/i.exec(text) ?? [];
  if (generation === undefined) return dump;
  const head = Buffer.alloc(8);
  head.writeUInt32BE(Number(generation), 0);
  head.writeUInt32BE(Number(length), 4);
  return Buffer.concat([head, dump]);
}
