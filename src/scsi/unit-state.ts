/**
 * What a logical unit keeps across restarts of the daemon: saved mode pages, persistent reservations, an unfinished
 * SANITIZE. One for each unit; the daemon knows where it is. Names are short words of `[a-z0-9-]`, one for each subject.
 */
export interface UnitState {
  /** What was saved last under a name, undefined if nothing was. What comes back is judged like anything from outside. */
  load(name: string): Uint8Array | undefined;
  /** On stable storage when this returns; the bytes replace what was there as a whole. @throws when it cannot be kept */
  save(name: string, bytes: Uint8Array): void;
}
