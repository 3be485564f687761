import { z } from "zod";
import { configDocument } from "../config/document.ts";
import { checkConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { Methods } from "../control/method.ts";
import type { AppliedChanges } from "../control/results.ts";
import { method, plainMethod } from "./method.ts";
import { describeAction } from "./running/actions.ts";
import { declared } from "./running/edits.ts";
import type { RunningConfiguration } from "./running/running-configuration.ts";

const applyParameters = z.strictObject({
  config: z.record(z.string(), z.unknown()).describe("a configuration, as a file has it"),
  dryRun: z.boolean().default(false).describe("only tells what would be done"),
});

/** The methods of the control socket that are about the configuration as a whole. */
export function configurationMethods(running: RunningConfiguration, reload: () => Promise<AppliedChanges>): Methods {
  return {
    "configuration.get": plainMethod("Tells the running configuration, as a file has it.", () =>
      configDocument(running.config),
    ),
    "configuration.apply": method(
      "Moves the daemon to a configuration, with the least change.",
      applyParameters,
      ({ config, dryRun }) => applyConfiguration(running, checkConfig(config, "configuration"), dryRun),
    ),
    "configuration.reload": plainMethod("Reads its file again and applies it.", reload),
  };
}

/**
 * Moves the daemon to the configuration that a file declares; what is the same in both is not disturbed.
 * @throws ConfigError when the daemon would have to be started anew; what a change throws
 */
export async function applyConfiguration(
  running: RunningConfiguration,
  config: Config,
  dryRun = false,
): Promise<AppliedChanges> {
  const actions = running.planned(declared(config, running.config));
  if (!dryRun) await running.change((current) => declared(config, current));
  const changes = actions.map(describeAction).filter((change) => change !== undefined);
  return { applied: !dryRun, changes };
}
