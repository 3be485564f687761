/** File type and permissions: everything is executable, for the guest has one user. */
const DIRECTORY_MODE = 0o040755;
const FILE_MODE = 0o100755;
const MAGIC = "070701";
const TRAILER = "TRAILER!!!";

/** A cpio archive in the format "newc", which Linux reads as (part of) an initramfs. Folders come before their files. */
export function newcArchive(files: Readonly<Record<string, string | Uint8Array>>): Buffer {
  const parts: Buffer[] = [];
  const folders = new Set<string>();
  for (const path of Object.keys(files)) {
    const names = path.split("/").filter((name) => name !== "");
    for (let depth = 1; depth < names.length; depth++) folders.add(names.slice(0, depth).join("/"));
  }
  let inode = 1;
  for (const folder of [...folders].sort()) parts.push(entry(inode++, folder, DIRECTORY_MODE, Buffer.alloc(0)));
  for (const [path, content] of Object.entries(files))
    parts.push(entry(inode++, path.replace(/^\/+/, ""), FILE_MODE, Buffer.from(content)));
  parts.push(entry(0, TRAILER, 0, Buffer.alloc(0)));
  return Buffer.concat(parts);
}

function entry(inode: number, name: string, mode: number, content: Buffer): Buffer {
  const links = 1;
  const nameBytes = Buffer.from(`${name}\0`);
  // inode, mode, uid, gid, links, mtime, size, device and its target (major, minor each), name's length, no checksum
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, nameBytes.length, 0];
  const header = MAGIC + fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), nameBytes])), padded(content)]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
