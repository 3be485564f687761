import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, ftruncateSync, linkSync, openSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { StoreOpenError } from "../../backends/open-file.ts";
import { encodeHeader, type OverlayHeader } from "./header.ts";
import { HEADER_PLACES, overlayLayout } from "./layout.ts";

/** What an overlay holds is as private as a disk. */
const MODE = 0o600;

/** Makes the file of an overlay without changes, unless there is one. All of it or nothing. @throws StoreOpenError */
export function makeOverlayFile(path: string, header: OverlayHeader): void {
  const { fileSize } = overlayLayout(header.baseSize, header.clusterShift);
  const temporary = temporaryPath(dirname(path));
  made(path, () => {
    const fd = openSync(temporary, "wx", MODE);
    try {
      ftruncateSync(fd, fileSize);
      writeSync(fd, encodeHeader(header), 0, undefined, HEADER_PLACES[header.generation % 2]);
      fsyncSync(fd);
      // Unlike a rename it leaves alone what somebody else has made meanwhile.
      linkSync(temporary, path);
    } finally {
      closeSync(fd);
      rmSync(temporary, { force: true });
    }
    syncFolder(dirname(path));
  });
}

/** Makes a file for changes that nobody keeps: to be opened, and removed at once. @throws StoreOpenError */
export function makeTemporaryFile(folder: string, size: number): string {
  const path = temporaryPath(folder);
  made(path, () => {
    const fd = openSync(path, "wx", MODE);
    try {
      ftruncateSync(fd, size);
    } finally {
      closeSync(fd);
    }
  });
  return path;
}

export function overlayExists(path: string): boolean {
  return existsSync(path);
}

function temporaryPath(folder: string): string {
  return join(folder, `.vscsi-overlay-${randomBytes(6).toString("hex")}`);
}

function made(path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StoreOpenError(`${path}: the overlay can't be made: ${message}`, code);
  }
}

/** A name in a folder is as durable as the folder. */
function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
