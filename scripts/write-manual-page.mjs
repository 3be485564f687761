// Writes dist/man/vscsi.1 from what the command's own help says.
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const dist = resolve(import.meta.dirname, "../dist");
const { buildProgram, EXAMPLES } = await import(join(dist, "cli/program.js"));
const { describeCommand } = await import(join(dist, "cli/describe-command.js"));
const { manualPage } = await import(join(dist, "cli/manual-page.js"));
const program = buildProgram();
mkdirSync(join(dist, "man"), { recursive: true });
const page = manualPage(describeCommand(program), { version: program.version(), examples: EXAMPLES });
writeFileSync(join(dist, "man/vscsi.1"), page);
