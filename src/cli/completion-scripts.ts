import type { CommandDescription, OptionDescription } from "./describe-command.ts";

/** What may stand at a place of the command line. */
type Values =
  | { readonly kind: "words"; readonly words: readonly string[] }
  /** Files, paths of the configuration tree, or what a shell can't know. */
  | { readonly kind: "files" | "tree" | "unknown" };

/** Arguments by their names: a "path" is one of the configuration tree, a "file" one of the file system. */
const ARGUMENT_KINDS: Readonly<Record<string, "files" | "tree">> = { file: "files", path: "tree" };
const UNKNOWN: Values = { kind: "unknown" };

/** A command and all below it. */
function flatten(command: CommandDescription): CommandDescription[] {
  return [command, ...command.commands.flatMap(flatten)];
}

function nameOf({ path }: CommandDescription): string {
  return path.join(" ");
}

function optionValues({ value, choices }: OptionDescription): Values {
  if (choices.length > 0) return { kind: "words", words: choices };
  return /path|file|directory/.test(value ?? "") ? { kind: "files" } : UNKNOWN;
}

/** What a command's own arguments are: its choices, files, or paths of the tree. */
function argumentValues({ arguments: [first] }: CommandDescription): Values {
  if (first === undefined) return UNKNOWN;
  if (first.choices.length > 0) return { kind: "words", words: first.choices };
  return { kind: ARGUMENT_KINDS[first.name] ?? "unknown" };
}

function withValues(command: CommandDescription): OptionDescription[] {
  return command.options.filter(({ value }) => value !== undefined);
}

/** A word in single quotes, for bash and zsh. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Shell patterns that match "COMMAND OPTION" for the options with such values; undefined when there are none. */
function optionPattern(commands: readonly CommandDescription[], kind: Values["kind"]): string | undefined {
  const patterns = commands.flatMap((command) =>
    withValues(command)
      .filter((option) => optionValues(option).kind === kind)
      .map(({ long }) => quoted(`${nameOf(command)} ${long}`)),
  );
  return patterns.length > 0 ? patterns.join("|") : undefined;
}

/** The lines of a `case` with those of its branches that are there. */
function cases(subject: string, branches: readonly (readonly [string | undefined, string])[]): string {
  const lines = branches
    .filter(([pattern]) => pattern !== undefined)
    .map(([pattern, body]) => `    ${pattern}) ${body} ;;`);
  return [`  case ${subject} in`, ...lines, "  esac"].join("\n");
}

/** Finds which sub-command the words before the cursor name. */
function findCommand(commands: readonly CommandDescription[], words: string): string {
  const [, ...below] = commands;
  return `  for word in ${words}; do
    case "$command $word" in
      ${below.map((command) => quoted(nameOf(command))).join("|")}) command="$command $word" ;;
    esac
  done`;
}

/** Branches for option values that are one of a list. */
function choiceBranches(
  commands: readonly CommandDescription[],
  offer: (words: readonly string[]) => string,
): [string, string][] {
  return commands.flatMap((command) =>
    withValues(command)
      .map((option) => ({ option, values: optionValues(option) }))
      .flatMap(({ option, values }): [string, string][] =>
        values.kind === "words" ? [[quoted(`${nameOf(command)} ${option.long}`), offer(values.words)]] : [],
      ),
  );
}

/** What completes `vscsi` in bash. */
export function bashCompletion(program: CommandDescription): string {
  const commands = flatten(program);
  const reply = (words: readonly string[]) =>
    `COMPREPLY=($(compgen -W ${quoted(words.join(" "))} -- "$current")); return`;
  return `# Completes vscsi(1) in bash. Made by: vscsi completion bash
_vscsi_tree() {
  local folder=""
  [[ $1 == */* ]] && folder=\${1%/*}/
  local name
  for name in $(vscsi ls "$folder" 2>/dev/null); do
    printf '%s\\n' "$folder$name"
  done
}

_vscsi() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=vscsi word words="" options=""
${findCommand(commands, `"\${COMP_WORDS[@]:1:COMP_CWORD-1}"`)}
${cases('"$command $previous"', [
  ...choiceBranches(commands, reply),
  [optionPattern(commands, "files"), 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return'],
  [optionPattern(commands, "unknown"), "return"],
])}
${cases(
  '"$command"',
  commands.map((command) => [quoted(nameOf(command)), bashOffer(command)]),
)}
  if [[ $current != -* ]]; then
${cases('"$command"', [
  [argumentPattern(commands, "files"), 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$current")); return'],
  [
    argumentPattern(commands, "tree"),
    'compopt -o nospace; COMPREPLY=($(compgen -W "$(_vscsi_tree "$current")" -- "$current")); return',
  ],
])}
  fi
  [[ $current == -* || -z $words ]] && words=$options
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _vscsi vscsi
`;
}

function bashOffer(command: CommandDescription): string {
  const values = argumentValues(command);
  const words = [
    ...command.commands.map(({ path }) => path.at(-1) ?? ""),
    ...(values.kind === "words" ? values.words : []),
  ];
  const options = command.options.map(({ long }) => long);
  return `words=${quoted(words.join(" "))} options=${quoted(options.join(" "))}`;
}

function argumentPattern(commands: readonly CommandDescription[], kind: Values["kind"]): string | undefined {
  const patterns = commands
    .filter((command) => argumentValues(command).kind === kind && command.commands.length === 0)
    .map((command) => quoted(nameOf(command)));
  return patterns.length > 0 ? patterns.join("|") : undefined;
}

/** What completes `vscsi` in zsh. */
export function zshCompletion(program: CommandDescription): string {
  const commands = flatten(program);
  return `#compdef vscsi
# Completes vscsi(1) in zsh. Made by: vscsi completion zsh
_vscsi() {
  local command=vscsi word folder=""
  local -a items options entries
${findCommand(commands, `"\${(@)words[2,CURRENT-1]}"`)}
${cases(`"$command \${words[CURRENT-1]}"`, [
  ...choiceBranches(commands, (words) => `compadd -- ${words.join(" ")}; return`),
  [optionPattern(commands, "files"), "_files; return"],
  [optionPattern(commands, "unknown"), "return"],
])}
${cases(
  '"$command"',
  commands.map((command) => [quoted(nameOf(command)), zshItems(command)]),
)}
  if [[ \${words[CURRENT]} != -* ]]; then
${cases('"$command"', [
  [argumentPattern(commands, "files"), "_files; return"],
  [
    argumentPattern(commands, "tree"),
    `[[ \${words[CURRENT]} == */* ]] && folder=\${words[CURRENT]%/*}/
      entries=(\${(f)"$(vscsi ls "$folder" 2>/dev/null)"})
      compadd -S '' -- \${entries/#/$folder}; return`,
  ],
])}
    (( \${#items} )) && { _describe 'command' items; return }
  fi
  _describe -o 'option' options
}
if [ "$funcstack[1]" = _vscsi ]; then _vscsi "$@"; else compdef _vscsi vscsi; fi
`;
}

function zshItems(command: CommandDescription): string {
  const described = (word: string, summary: string) => quoted(`${word}:${summary.replaceAll(":", "\\:")}`);
  const values = argumentValues(command);
  const items = [
    ...command.commands.map(({ path, summary }) => described(path.at(-1) ?? "", summary)),
    ...(values.kind === "words" ? values.words.map(quoted) : []),
  ];
  const options = command.options.map(({ long, summary }) => described(long, summary));
  return `items=(${items.join(" ")}); options=(${options.join(" ")})`;
}

/** What completes `vscsi` in fish. */
export function fishCompletion(program: CommandDescription): string {
  const commands = flatten(program);
  const known = commands.map((command) => fishQuoted(nameOf(command))).join(" ");
  return `# Completes vscsi(1) in fish. Made by: vscsi completion fish
function __vscsi_at
    set -l command vscsi
    for word in (commandline -opc)[2..]
        contains -- "$command $word" ${known}; and set command "$command $word"
    end
    test "$command" = "$argv[1]"
end
function __vscsi_tree
    set -l folder (string match -r '^.*/' -- (commandline -ct))
    for name in (vscsi ls "$folder" 2>/dev/null)
        echo "$folder$name"
    end
end
complete -c vscsi -f
${commands.flatMap(fishLines).join("\n")}
`;
}

function fishLines(command: CommandDescription): string[] {
  const here = `complete -c vscsi -n ${fishQuoted(`__vscsi_at ${fishQuoted(nameOf(command))}`)}`;
  const values = argumentValues(command);
  const own: Readonly<Record<Values["kind"], string | undefined>> = {
    words: values.kind === "words" ? `-a ${fishQuoted(values.words.join(" "))}` : undefined,
    files: "-F",
    tree: "-a '(__vscsi_tree)'",
    unknown: undefined,
  };
  const argument = command.commands.length === 0 ? own[values.kind] : undefined;
  return [
    ...command.commands.map(({ path, summary }) => `${here} -a ${path.at(-1)} -d ${fishQuoted(summary)}`),
    ...(argument === undefined ? [] : [`${here} ${argument}`]),
    ...command.options.map((option) => `${here} ${fishOption(option)} -d ${fishQuoted(option.summary)}`),
  ];
}

function fishOption(option: OptionDescription): string {
  const { short, long, value } = option;
  const name = `-l ${long.slice(2)}${short === undefined ? "" : ` -s ${short.slice(1)}`}`;
  if (value === undefined) return name;
  const values = optionValues(option);
  if (values.kind === "words") return `${name} -x -a ${fishQuoted(values.words.join(" "))}`;
  return `${name} ${values.kind === "files" ? "-r -F" : "-x"}`;
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
