import { BATCHES } from "./batches.ts";
import { IUS } from "./ius.ts";
import { RINGS } from "./rings.ts";
import type { Scenario } from "./scenario.ts";
import { WINDOWS } from "./windows.ts";

export const SCENARIOS: readonly Scenario[] = [...RINGS, ...WINDOWS, ...IUS, ...BATCHES];
