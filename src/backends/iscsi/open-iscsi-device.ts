import { hostname } from "node:os";
import type { Log } from "../../core/log.ts";
import type { SharedMemory } from "../../core/shared-memory.ts";
import { readSecret } from "../../host/secret-file.ts";
import { DeviceError } from "../../scsi/passthrough/device-error.ts";
import { type IscsiAddress, parseIscsiUrl } from "./address.ts";
import type { ChapIdentity } from "./chap.ts";
import { IscsiDevice } from "./iscsi-device.ts";

/** Less than half of what clients give a SCSI command, so that a second session may answer in time. Milliseconds. */
const TIMEOUT = 5_000;
const RETRY_FOR = 25_000;
/** After so long without a word the target is asked whether it is there. Milliseconds. */
const IDLE = 5_000;
const QUEUE_DEPTH = 32;
const NAME_MAXIMUM = 223;

/** CHAP as the configuration has it: each secret as it is, or as the first line of a file. */
interface ChapOptions {
  readonly user: string;
  readonly secret?: string | undefined;
  readonly secretFile?: string | undefined;
  readonly mutualUser?: string | undefined;
  readonly mutualSecret?: string | undefined;
  readonly mutualSecretFile?: string | undefined;
}

/** An iSCSI device as the configuration has it. */
export interface IscsiDeviceBackend {
  /** "iscsi://host[:port]/target/lun". */
  readonly url: string;
  readonly initiatorName?: string | undefined;
  readonly chap?: ChapOptions | undefined;
  /** Whether digests must be; where they need not, the target may still want them. */
  readonly headerDigest?: boolean | undefined;
  readonly dataDigest?: boolean | undefined;
  /** Milliseconds for a login, and for an answer that a working target gives at once. */
  readonly timeout?: number | undefined;
  /** Milliseconds for which commands wait for a lost target. */
  readonly retryFor?: number | undefined;
}

interface OpenContext {
  readonly memory: SharedMemory;
  readonly log: Log;
  readonly queueDepth: number | undefined;
}

/** Logs in and finds the logical unit. @throws DeviceError, SecretFileError */
export async function openIscsiDevice(options: IscsiDeviceBackend, context: OpenContext): Promise<IscsiDevice> {
  const { url, initiatorName = defaultInitiatorName(), headerDigest = false, dataDigest = false } = options;
  const { timeout = TIMEOUT, retryFor = RETRY_FOR } = options;
  const { memory, log, queueDepth = QUEUE_DEPTH } = context;
  const address = parseIscsiUrl(url);
  return IscsiDevice.open(memory, {
    address,
    identity: {
      initiatorName,
      targetName: address.target,
      chap: chapIdentity(address, options.chap),
      wishes: { headerDigest, dataDigest },
    },
    queueDepth,
    loginTimeout: timeout,
    times: { idle: IDLE, answer: timeout },
    retryFor,
    log,
  });
}

/** One that no other host has, if hosts have names of their own. */
function defaultInitiatorName(): string {
  const host = hostname()
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, "-");
  return `iqn.2026-11.invalid.vscsi-target:${host}`.slice(0, NAME_MAXIMUM);
}

function chapIdentity({ user, password, text }: IscsiAddress, chap: ChapOptions | undefined): ChapIdentity | undefined {
  const name = chap?.user ?? user;
  const secret = chap?.secret ?? readSecret(chap?.secretFile) ?? password;
  if (name === undefined) return undefined;
  if (secret === undefined) throw new DeviceError(`${text}: CHAP wants a secret: give it beside the URL, in "chap"`);
  const mutualSecret = chap?.mutualSecret ?? readSecret(chap?.mutualSecretFile);
  // With one secret for both ways, an answer could be reflected. [RFC 7143] 9.2.1.
  if (secret === mutualSecret) throw new DeviceError(`${text}: CHAP wants two different secrets for the two ways`);
  return { user: name, secret, mutualUser: chap?.mutualUser, mutualSecret };
}
