import { configText, noteChecked } from "../../config/document.ts";
import type { Config } from "../../config/schema.ts";
import type { Log } from "../../core/log.ts";
import type { ConfigurationFile } from "../../host/configuration-file.ts";
import { type Action, inverse } from "./actions.ts";
import type { Edit } from "./edits.ts";
import type { ChangeOptions, LiveConfiguration } from "./live-configuration.ts";
import { actionsBetween, plan, withoutUnits } from "./plan.ts";

interface RunningConfigurationOptions {
  readonly live: LiveConfiguration;
  readonly log: Log;
  /** Where it outlives the daemon; without one it ends with it. */
  readonly file?: ConfigurationFile | undefined;
}

/** What a change is made with. */
export interface Change extends ChangeOptions {
  /** The actions to make, where they are others than those between the two configurations. */
  readonly actions?: readonly Action[];
}

/**
 * What the daemon serves, as one value. A change is all or nothing: it is prepared on stable storage, made, and confirmed
 * there; what fails on the way is taken back. Changes happen one after the other.
 */
export class RunningConfiguration {
  readonly #live: LiveConfiguration;
  readonly #log: Log;
  readonly #file: ConfigurationFile | undefined;
  readonly #listeners = new Set<() => void>();
  #config: Config;
  #last: Promise<unknown> = Promise.resolve();

  constructor(initial: Config, { live, log, file }: RunningConfigurationOptions) {
    this.#live = live;
    this.#log = log;
    this.#file = file;
    this.#config = withoutUnits(initial);
  }

  get config(): Config {
    return this.#config;
  }

  /** Is told after each change. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Brings up what was read; that this one began with nothing of it. @throws as `change` */
  start(config: Config, options: ChangeOptions): Promise<void> {
    noteChecked(config);
    const actions = actionsBetween(this.#config, config);
    return this.exclusively(() => this.#change(() => config, { ...options, actions }));
  }

  /**
   * Makes a change.
   * @throws ConfigError, PlaceError, UnitNameError; what opening a unit throws; NodeJS.ErrnoException when it can't be
   * saved. Nothing has changed then.
   */
  change(edit: Edit, options: Change = {}): Promise<void> {
    return this.exclusively(() => this.#change(edit, options));
  }

  /** What `change` would do. @throws ConfigError */
  planned(next: Config): Action[] {
    return plan(this.#config, next);
  }

  /** Runs `work` while no change is under way. */
  exclusively<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    const running = this.#last.then(work);
    this.#last = running.catch(() => {});
    return running;
  }

  async #change(edit: Edit, options: Change): Promise<void> {
    const before = this.#config;
    const next = edit(before);
    if (next === before && options.actions === undefined) return;
    const actions = options.actions ?? plan(before, next);
    const text = configText(next);
    await this.#file?.prepare(text);
    try {
      await this.#make(actions, options);
    } catch (error) {
      await this.#file?.discard();
      throw error;
    }
    try {
      await this.#file?.commit();
    } catch (error) {
      await this.#takeBack(actions);
      await this.#restoreFile(before);
      throw error;
    }
    this.#config = next;
    for (const listener of this.#listeners) listener();
    this.#live.throwTrouble();
  }

  async #make(actions: readonly Action[], options: Change): Promise<void> {
    const made: Action[] = [];
    try {
      for (const action of actions) {
        await this.#live.run(action, options);
        made.push(action);
      }
    } catch (error) {
      await this.#takeBack(made);
      throw error;
    }
  }

  async #takeBack(actions: readonly Action[]): Promise<void> {
    for (const action of [...actions].reverse()) {
      try {
        await this.#live.run(inverse(action), { force: true, lenient: true });
      } catch (error) {
        this.#log.error({ err: error, action: action.do }, "a change could not be taken back");
      }
    }
  }

  /** A rename may have happened, though its folder could not be synced. */
  async #restoreFile(config: Config): Promise<void> {
    try {
      await this.#file?.prepare(configText(config));
      await this.#file?.commit();
    } catch (error) {
      this.#log.error({ err: error, file: this.#file?.path }, "the saved configuration is not the running one");
    }
  }
}
