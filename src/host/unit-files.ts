import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StateDirectoryError } from "./state-directory.ts";

/** What one logical unit keeps in a state directory: a folder of its own, in it a file for each subject. */
export class UnitFiles {
  readonly #path: string;

  /** @param name of the unit, whatever it holds @throws StateDirectoryError when the folder can't be made */
  constructor(stateDirectory: string, name: string) {
    this.#path = join(stateDirectory, encodeURIComponent(name));
    try {
      mkdirSync(this.#path, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new StateDirectoryError(`${this.#path}: can't be made: ${(error as Error).message}`);
    }
  }

  /** What was saved last under a subject, undefined if nothing was. @throws StateDirectoryError */
  load(subject: string): Uint8Array | undefined {
    const path = join(this.#path, subject);
    try {
      return readFileSync(path);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return undefined;
      throw new StateDirectoryError(`${path}: can't be read: ${message}`);
    }
  }

  /**
   * Replaces the file as a whole; it has reached stable storage when this returns. What is saved is small and rare, so
   * that the loop may wait for it. @throws StateDirectoryError
   */
  save(subject: string, bytes: Uint8Array): void {
    const path = join(this.#path, subject);
    try {
      const temporary = `${path}.new`;
      const file = openSync(temporary, "w", 0o600);
      try {
        writeFileSync(file, bytes);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, path);
      this.#syncFolder();
    } catch (error) {
      throw new StateDirectoryError(`${path}: can't be kept: ${(error as Error).message}`);
    }
  }

  /** A name in a folder is as durable as the folder. */
  #syncFolder(): void {
    const folder = openSync(this.#path, "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }
}
