import { ERRNO, type ErrnoName } from "../abi/errno.ts";
import { type Outcome, refusal } from "../config/tree.ts";

/** The errno of the daemon's own errors, where nothing below them tells a better one. */
const OWN: Readonly<Record<string, ErrnoName>> = {
  VSCSI_CONFIG: "EINVAL",
  VSCSI_PLACE: "ENOENT",
  VSCSI_UNIT: "ENOENT",
  VSCSI_MEDIUM: "EBUSY",
  VSCSI_OVERLAY: "EPERM",
  VSCSI_NO_DRIVE: "EPERM",
  VSCSI_STORE: "EINVAL",
  VSCSI_DEVICE: "EIO",
  VSCSI_STATE: "EIO",
  VSCSI_SOCKET: "EBUSY",
  VSCSI_OUT_OF_LINEAR_MEMORY: "ENOMEM",
};

/** A write that an attribute does not take, thrown from within an edit of the configuration. */
export class RefusedWrite extends Error {
  readonly code: ErrnoName;

  constructor(errno: ErrnoName, reason: string) {
    super(reason);
    this.code = errno;
  }
}

/** The errno that an error means: its own, that of what caused it, or what stands for its kind. */
function errnoName(error: Error): ErrnoName | undefined {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (isErrno(code)) return code;
  if ("errno" in error && typeof error.errno === "string" && isErrno(error.errno)) return error.errno;
  const below = error.cause instanceof Error ? errnoName(error.cause) : undefined;
  return below ?? OWN[code];
}

/** Does something and tells what refused it. @throws what is no refusal: our own bugs */
export async function outcomeOf(work: () => unknown): Promise<Outcome> {
  try {
    await work();
    return undefined;
  } catch (error) {
    const errno = error instanceof Error ? errnoName(error) : undefined;
    if (errno === undefined || !(error instanceof Error)) throw error;
    return refusal(errno, error.message);
  }
}

function isErrno(code: string): code is ErrnoName {
  return Object.hasOwn(ERRNO, code);
}
