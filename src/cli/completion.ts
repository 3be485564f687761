import { Argument, Command } from "commander";
import { bashCompletion, fishCompletion, zshCompletion } from "./completion-scripts.ts";
import { describeCommand } from "./describe-command.ts";

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

const HELP = `
Install it once:
  bash   vscsi completion bash > ~/.local/share/bash-completion/completions/vscsi
  zsh    vscsi completion zsh > "\${fpath[1]}/_vscsi"
  fish   vscsi completion fish > ~/.config/fish/completions/vscsi.fish
`;

/**
 * `vscsi completion`: what a shell needs to complete the command line.
 * @param program makes the whole command, whose part this one is
 */
export function completionCommand(program: () => Command): Command {
  return new Command("completion")
    .description("Print a script that has a shell complete vscsi's commands and options.")
    .addArgument(new Argument("<shell>", "which shell").choices(Object.keys(SCRIPTS)))
    .addHelpText("after", HELP)
    .action((shell: keyof typeof SCRIPTS) => {
      process.stdout.write(SCRIPTS[shell](describeCommand(program())));
    });
}
