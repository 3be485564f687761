// A daemon that waits, with its modules loaded, until it is told to start; the kill test's other half.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { checkConfig, loadConfig } from "../../dist/config/load.js";
import { Daemon } from "../../dist/daemon/daemon.js";
import { ConfigurationFile } from "../../dist/host/configuration-file.js";

const [state, control] = process.argv.slice(2);
const silent = { debug() {}, info() {}, warn() {}, error() {} };

process.once("message", async () => {
  try {
    mkdirSync(state, { recursive: true });
    const file = new ConfigurationFile(join(state, "configuration.json"));
    const restored = existsSync(file.path);
    const config = restored ? loadConfig(file.path) : checkConfig({ version: 1, control }, "test");
    await Daemon.start(config, silent, { file, lenient: restored, stateDirectory: join(state, "units") });
    process.send("started");
  } catch (error) {
    process.send(String(error));
  }
});
process.on("disconnect", () => process.exit(1));
process.send("loaded");
