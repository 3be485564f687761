import { OS_TYPE_AIX, OS_TYPE_LINUX, OS_TYPE_OPEN_FIRMWARE, OS_TYPE_OS400 } from "../abi/mad.ts";

const OS_NAMES: Readonly<Record<number, string>> = {
  [OS_TYPE_OS400]: "IBM i",
  [OS_TYPE_LINUX]: "Linux",
  [OS_TYPE_AIX]: "AIX",
  [OS_TYPE_OPEN_FIRMWARE]: "open firmware",
};

/** The operating system that a client's adapter information names. */
export function osName(osType: number): string {
  return OS_NAMES[osType] ?? `OS type ${osType}`;
}
