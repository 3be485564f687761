import { mkdirSync, readFileSync, statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { SubjectFiles } from "./subject-files.ts";

/** State that can't be read or kept; the message says which file and why. */
export class StateDirectoryError extends Error {
  readonly code = "VSCSI_STATE";
}

/** A folder of small files that outlive the process, for its owner only. */
export class StateDirectory {
  readonly #path: string;
  readonly #taken = new Set<string>();

  /** @throws StateDirectoryError when the folder can't be made */
  constructor(path: string) {
    this.#path = path;
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new StateDirectoryError(`${path}: can't be made: ${(error as Error).message}`);
    }
  }

  /** The file of a name, which has one user until it is closed. @throws StateDirectoryError when it has one already */
  file(name: string): StateFile {
    // Whatever the name holds, it stays one name in this folder.
    const base = join(this.#path, encodeURIComponent(name));
    const path = `${base}.json`;
    if (this.#taken.has(path)) throw new StateDirectoryError(`${path}: two logical units would keep their state there`);
    this.#taken.add(path);
    return new StateFile(this.#path, path, new SubjectFiles(this.#path, base), () => this.#taken.delete(path));
  }
}

/** One file of a StateDirectory: always what was saved last, or what was saved before that. */
class StateFile {
  /** Its path, for messages. */
  readonly description: string;
  /** What the same user keeps by subject, a file each. */
  readonly subjects: SubjectFiles;
  readonly #directory: string;
  readonly #closed: () => void;
  /** Saves happen one after the other, in the order in which they were asked for. */
  #last: Promise<void> = Promise.resolve();

  constructor(directory: string, path: string, subjects: SubjectFiles, closed: () => void) {
    this.#directory = directory;
    this.subjects = subjects;
    this.description = path;
    this.#closed = closed;
  }

  /** What was saved last; undefined when there is nothing. @throws StateDirectoryError */
  load(): string | undefined {
    try {
      // Most units have kept nothing, and an exception for each of a thousand takes its time.
      if (statSync(this.description, { throwIfNoEntry: false }) === undefined) return undefined;
      return readFileSync(this.description, "utf8");
    } catch (error) {
      throw new StateDirectoryError(`${this.description}: can't be read: ${(error as Error).message}`);
    }
  }

  /** Replaces the file, or removes it for undefined; it has reached stable storage when the promise is kept. */
  save(state: string | undefined): Promise<void> {
    const saving = this.#last.then(() => (state === undefined ? this.#remove() : this.#replace(state)));
    this.#last = saving.catch(() => {});
    return saving;
  }

  /** Gives the file up for a user that could not begin, and has saved nothing. */
  abandon(): void {
    this.#closed();
  }

  /** Follows the last save; then the file may have another user. */
  async close(): Promise<void> {
    await this.#last;
    this.#closed();
  }

  async #replace(state: string): Promise<void> {
    const temporary = `${this.description}.new`;
    const file = await open(temporary, "w", 0o600);
    try {
      await file.writeFile(state);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.description);
    await this.#syncDirectory();
  }

  async #remove(): Promise<void> {
    await rm(this.description, { force: true });
    await this.#syncDirectory();
  }

  /** A name in a folder is as durable as the folder. */
  async #syncDirectory(): Promise<void> {
    const directory = await open(this.#directory, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}
