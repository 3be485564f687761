import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { extname } from "node:path";
import { StoreOpenError } from "../open-file.ts";

/** Bytes by which an image is known to be what its name says. */
interface Signature {
  /** Where they stand; below 0 it counts from the end. */
  readonly at: number;
  readonly bytes: Buffer;
}

interface ImageFormat {
  readonly extensions: readonly string[];
  readonly signatures: readonly Signature[];
  /** QEMU gives back what is zeroed. In the other formats it would write the zeros, and take storage for them. */
  readonly givesBack: boolean;
}

const begins = (text: string, at = 0): Signature => ({ at, bytes: Buffer.from(text, "latin1") });

/** What QEMU serves for us, by the names that it has for them. */
const FORMATS = {
  qcow2: { extensions: [".qcow2"], signatures: [begins("QFI\xfb")], givesBack: true },
  vmdk: {
    extensions: [".vmdk"],
    signatures: [begins("KDMV"), begins("COWD"), begins("# Disk DescriptorFile")],
    givesBack: false,
  },
  vdi: { extensions: [".vdi"], signatures: [begins("\x7f\x10\xda\xbe", 64)], givesBack: false },
  vhdx: { extensions: [".vhdx"], signatures: [begins("vhdxfile")], givesBack: false },
  vpc: {
    extensions: [".vhd", ".vpc"],
    signatures: [begins("conectix"), begins("conectix", -512)],
    givesBack: false,
  },
  raw: { extensions: [], signatures: [], givesBack: true },
} as const satisfies Record<string, ImageFormat>;

export type ImageFormatName = keyof typeof FORMATS;

/**
 * The format that a file's name says it has; undefined for raw bytes. The content is never asked: whoever writes to a raw
 * disk could make it look like an image that names other files.
 */
export function formatOfName(path: string): ImageFormatName | undefined {
  const extension = extname(path).toLowerCase();
  const found = Object.entries<ImageFormat>(FORMATS).find(([, { extensions }]) => extensions.includes(extension));
  return found?.[0] as ImageFormatName | undefined;
}

/** Whether an image of the format gives storage back. */
export function givesBack(format: ImageFormatName): boolean {
  return FORMATS[format].givesBack;
}

/** Looks whether a file is an image of the format at all. @throws StoreOpenError */
export function checkSignature(path: string, format: ImageFormatName): void {
  const signatures: readonly Signature[] = FORMATS[format].signatures;
  const fd = openForLooking(path, format);
  try {
    const { size } = fstatSync(fd);
    if (signatures.length === 0 || signatures.some((signature) => isSigned(fd, size, signature))) return;
  } finally {
    closeSync(fd);
  }
  throw new StoreOpenError(
    `${path}: is no ${format} image, whatever its name says: rename it, or give its true format, such as ` +
      `{"type": "image", "path": "${path}", "format": "raw"}`,
  );
}

function openForLooking(path: string, format: ImageFormatName): number {
  try {
    const stat = statSync(path);
    // A pipe would keep us waiting.
    if (stat.isFile() || stat.isBlockDevice()) return openSync(path, constants.O_RDONLY);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const advice = code === "ENOENT" ? `make it first, for example: qemu-img create -f ${format} ${path} 1G` : message;
    throw new StoreOpenError(`${path}: can't be opened (${code ?? message}): ${advice}`, code);
  }
  throw new StoreOpenError(`${path}: is neither a file nor a block device`);
}

function isSigned(fd: number, size: number, { at, bytes }: Signature): boolean {
  const found = Buffer.alloc(bytes.length);
  const position = at < 0 ? size + at : at;
  return position >= 0 && readSync(fd, found, 0, found.length, position) === bytes.length && found.equals(bytes);
}
