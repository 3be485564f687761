import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";

/**
 * What one user keeps by subject, a file each, `BASE.SUBJECT`. Saving waits for stable storage: it is for what changes
 * when an administrator changes it, not for what every command changes.
 */
export class SubjectFiles {
  readonly #directory: string;
  readonly #base: string;

  /** @param base path of the files without their last part */
  constructor(directory: string, base: string) {
    this.#directory = directory;
    this.#base = base;
  }

  /** What was saved last under a subject; undefined when there is nothing. @throws Error when it can't be read */
  load(subject: string): Uint8Array | undefined {
    const path = `${this.#base}.${subject}`;
    return statSync(path, { throwIfNoEntry: false }) === undefined ? undefined : readFileSync(path);
  }

  /** Replaces the file as a whole; it has reached stable storage when this returns. @throws Error */
  save(subject: string, bytes: Uint8Array): void {
    const path = `${this.#base}.${subject}`;
    const temporary = `${path}.new`;
    const file = openSync(temporary, "w", 0o600);
    try {
      writeFileSync(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    // A name in a folder is as durable as the folder.
    const directory = openSync(this.#directory, "r");
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  }
}
