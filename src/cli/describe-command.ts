import type { Command } from "commander";

/** An option as completion and the manual page need it. */
export interface OptionDescription {
  /** "-h", or undefined. */
  readonly short: string | undefined;
  /** "--json". */
  readonly long: string;
  /** "<path>", "[level]"; undefined when it takes no value. */
  readonly value: string | undefined;
  readonly summary: string;
  /** The summary with choices and default. */
  readonly details: string;
  /** What it accepts, when that is a list. */
  readonly choices: readonly string[];
}

interface ArgumentDescription {
  readonly name: string;
  readonly summary: string;
  readonly choices: readonly string[];
}

/** A command, with all below it. */
export interface CommandDescription {
  /** "vscsi unit add". */
  readonly path: readonly string[];
  readonly summary: string;
  /** "[options] <place>". */
  readonly usage: string;
  readonly arguments: readonly ArgumentDescription[];
  readonly options: readonly OptionDescription[];
  readonly commands: readonly CommandDescription[];
  /** Heading under which the command above lists it. */
  readonly group: string;
}

/** Reads from a command what its help says. */
export function describeCommand(command: Command, above: readonly string[] = []): CommandDescription {
  const help = command.createHelp();
  const path = [...above, command.name()];
  const below = help.visibleCommands(command).filter((each) => each.name() !== "help");
  return {
    path,
    summary: command.description(),
    usage: command.usage(),
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      summary: help.argumentDescription(argument),
      choices: argument.argChoices ?? [],
    })),
    options: help.visibleOptions(command).map((option) => ({
      short: option.short,
      long: option.long ?? option.flags,
      value: /[<[].*$/.exec(option.flags)?.[0],
      summary: option.description,
      details: help.optionDescription(option),
      choices: option.argChoices ?? [],
    })),
    commands: below.map((each) => describeCommand(each, path)),
    group: command.helpGroup(),
  };
}
