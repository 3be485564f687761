import { readFileSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Folder and file are for their owner only: a configuration may hold secrets. */
const MODE = 0o600;

/**
 * A file that is replaced as a whole. At any moment it is what was saved last or what was saved before that, and what
 * `commit` has confirmed is on stable storage.
 */
export class ConfigurationFile {
  readonly path: string;
  readonly #temporary: string;

  constructor(path: string) {
    this.path = path;
    this.#temporary = `${path}.new`;
  }

  /** What was saved last; undefined when there is nothing. @throws NodeJS.ErrnoException */
  load(): string | undefined {
    try {
      return readFileSync(this.path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /**
   * Writes `text` beside the file, to stable storage: whatever can go wrong for want of space or rights goes wrong here,
   * while nothing has changed. @throws NodeJS.ErrnoException
   */
  async prepare(text: string): Promise<void> {
    try {
      const file = await open(this.#temporary, "w", MODE);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      await this.discard();
      throw error;
    }
  }

  /** Puts what was prepared in the place of the file. @throws NodeJS.ErrnoException; the file is then as it was */
  async commit(): Promise<void> {
    await rename(this.#temporary, this.path);
    // A name in a folder is as durable as the folder.
    const folder = await open(dirname(this.path), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  async discard(): Promise<void> {
    await rm(this.#temporary, { force: true }).catch(() => {});
  }
}
