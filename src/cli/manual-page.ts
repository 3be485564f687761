import type { CommandDescription } from "./describe-command.ts";

/** What the page says beside the commands. */
interface ManualPageOptions {
  readonly version: string;
  /** Indented lines: a command and what it is for. */
  readonly examples: string;
}

const FILES: readonly (readonly [string, string])[] = [
  ["$XDG_RUNTIME_DIR/vscsi/control.sock", "control socket of a user's daemon; /tmp/vscsi-UID/control.sock without it"],
  ["/run/vscsi/control.sock", "control socket of the system's service"],
  ["/etc/vscsi/vscsi.json", "configuration of the system's service"],
  ["STATE/configuration.json", "running configuration of a daemon with --state, restored at its next start"],
];

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ["XDG_RUNTIME_DIR", "where sockets are when nobody names another place"],
  ["NO_COLOR", "no colours on a terminal either"],
  ["NOTIFY_SOCKET, WATCHDOG_USEC, LISTEN_FDS", "of a service manager: see sd_notify(3), sd_listen_fds(3)"],
];

const EXIT_STATUS: readonly (readonly [string, string])[] = [
  ["0", "it was done"],
  ["1", "it could not be done"],
  ["2", "it was asked wrongly: flags, parameters or configuration"],
];

/** The manual page vscsi(1), in the language of man(7). */
export function manualPage(program: CommandDescription, { version, examples }: ManualPageOptions): string {
  const groups = new Map<string, CommandDescription[]>();
  for (const command of program.commands) groups.set(command.group, [...(groups.get(command.group) ?? []), command]);
  return [
    `.TH VSCSI 1 "" "vscsi-target ${version}" "User Commands"`,
    ".SH NAME",
    "vscsi \\- a Virtual SCSI target for POWER partitions",
    ".SH SYNOPSIS",
    ".B vscsi",
    ".I command",
    "[\\fIoptions\\fR]",
    ".SH DESCRIPTION",
    text(program.summary),
    ...[...groups].flatMap(([title, commands]) => [
      `.SH "${text(title.replace(/:$/, "")).toUpperCase()}"`,
      ...commands.flatMap(commandLines),
    ]),
    ".SH FILES",
    ...FILES.flatMap(entry),
    ".SH ENVIRONMENT",
    ...ENVIRONMENT.flatMap(entry),
    ".SH EXIT STATUS",
    ...EXIT_STATUS.flatMap(entry),
    ".SH EXAMPLES",
    ".EX",
    ...examples
      .split("\n")
      .filter((line) => line.startsWith("  "))
      .map((line) => text(line.trim())),
    ".EE",
    "",
  ].join("\n");
}

/** A command, its arguments and options; then the commands below it. */
function commandLines(command: CommandDescription): string[] {
  const { path, usage, summary, commands } = command;
  const values = command.arguments.filter((argument) => argument.summary !== "");
  return [
    `.SS "${text(`${path.join(" ")} ${usage}`)}"`,
    text(summary),
    ...values.flatMap(({ name, summary: what }) => [".TP", `.I ${text(name)}`, text(what)]),
    ...command.options
      .filter(({ long }) => long !== "--help")
      .flatMap(({ short, long, value, details }) => [
        ".TP",
        `.B ${text([short, long].filter(Boolean).join(", "))}${value === undefined ? "" : ` ${text(value)}`}`,
        text(details),
      ]),
    ...commands.flatMap(commandLines),
  ];
}

function entry([name, what]: readonly [string, string]): string[] {
  return [".TP", `.B ${text(name)}`, text(what)];
}

/** Text that troff takes as it is: no escapes, hyphens that stay, no line that looks like a request. */
function text(plain: string): string {
  const escaped = plain.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll('"', "\\(dq").replace(/\s+/g, " ");
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
