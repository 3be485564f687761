import {
  SRP_FORMAT_DIRECT,
  SRP_FORMAT_INDIRECT,
  SRP_IU_MAX,
  SRP_LOGIN_FLAGS,
  SRP_LOGIN_FORMATS,
  SRP_LOGIN_INITIATOR_PORT,
  SRP_LOGIN_IU_LENGTH,
  SRP_LOGIN_MULTI_CHANNEL,
  SRP_LOGIN_REJ,
  SRP_LOGIN_REJ_FORMATS,
  SRP_LOGIN_REJ_LENGTH,
  SRP_LOGIN_REJ_REASON,
  SRP_LOGIN_REQ_LENGTH,
  SRP_LOGIN_RSP,
  SRP_LOGIN_RSP_FORMATS,
  SRP_LOGIN_RSP_LENGTH,
  SRP_LOGIN_RSP_LIMIT,
  SRP_LOGIN_RSP_MAX_IT,
  SRP_LOGIN_RSP_MAX_TI,
  SRP_LOGIN_TARGET_PORT,
  SRP_REJ_CHANNEL_LIMIT_REACHED,
  SRP_REJ_INSUFFICIENT_RESOURCES,
  SRP_REJ_IU_LENGTH_TOO_LARGE,
  SRP_REJ_MULTI_CHANNEL_UNSUPPORTED,
  SRP_REJ_UNABLE_TO_ASSOCIATE_CHANNEL,
  SRP_REJ_UNABLE_TO_ESTABLISH_CHANNEL,
  SRP_REJ_UNSUPPORTED_DESCRIPTOR_FORMAT,
  SRP_TAG,
  SRP_TAG_LENGTH,
} from "../abi/srp.ts";

const FORMATS = SRP_FORMAT_DIRECT | SRP_FORMAT_INDIRECT;

/** What a login depends on beside its own IU. */
export interface LoginState {
  loggedIn: boolean;
  /** The adapter is stopping: no new session. */
  stopping: boolean;
}

/**
 * Judges a LOGIN_REQ. [SRP] r16a 6.2; [LoPAR] app_virtual_scsi.
 * @returns the reason to reject it, 0 to accept
 */
export function judgeLogin(iu: DataView, { loggedIn, stopping }: LoginState): number {
  const length = iu.getUint32(SRP_LOGIN_IU_LENGTH);
  const formats = iu.getUint16(SRP_LOGIN_FORMATS);
  if (loggedIn) return SRP_REJ_CHANNEL_LIMIT_REACHED;
  if (stopping) return SRP_REJ_INSUFFICIENT_RESOURCES;
  if (length < SRP_LOGIN_REQ_LENGTH) return SRP_REJ_UNABLE_TO_ESTABLISH_CHANNEL;
  if (length > SRP_IU_MAX) return SRP_REJ_IU_LENGTH_TOO_LARGE;
  if ((iu.getUint8(SRP_LOGIN_FLAGS) & SRP_LOGIN_MULTI_CHANNEL) !== 0) return SRP_REJ_MULTI_CHANNEL_UNSUPPORTED;
  if ((formats & ~FORMATS) !== 0 || (formats & FORMATS) === 0) return SRP_REJ_UNSUPPORTED_DESCRIPTOR_FORMAT;
  // The identifier extensions are unused on VSCSI: whoever sets them wants another kind of SRP target.
  if (!zero(iu, SRP_LOGIN_INITIATOR_PORT) || !zero(iu, SRP_LOGIN_TARGET_PORT))
    return SRP_REJ_UNABLE_TO_ASSOCIATE_CHANNEL;
  return 0;
}

function zero(iu: DataView, at: number): boolean {
  return iu.getUint32(at) === 0 && iu.getUint32(at + 4) === 0;
}

/** Builds a LOGIN_RSP at `response`; returns its length. */
export function buildLoginResponse(bytes: Uint8Array, iu: number, response: number, requestLimit: number): number {
  const view = clear(bytes, iu, response, SRP_LOGIN_RSP_LENGTH);
  view.setUint8(0, SRP_LOGIN_RSP);
  view.setUint32(SRP_LOGIN_RSP_LIMIT, requestLimit);
  view.setUint32(SRP_LOGIN_RSP_MAX_IT, SRP_IU_MAX);
  view.setUint32(SRP_LOGIN_RSP_MAX_TI, SRP_IU_MAX);
  view.setUint16(SRP_LOGIN_RSP_FORMATS, FORMATS);
  return SRP_LOGIN_RSP_LENGTH;
}

/** Builds a LOGIN_REJ at `response`; returns its length. */
export function buildLoginReject(bytes: Uint8Array, iu: number, response: number, reason: number): number {
  const view = clear(bytes, iu, response, SRP_LOGIN_REJ_LENGTH);
  view.setUint8(0, SRP_LOGIN_REJ);
  view.setUint32(SRP_LOGIN_REJ_REASON, reason);
  view.setUint16(SRP_LOGIN_REJ_FORMATS, FORMATS);
  return SRP_LOGIN_REJ_LENGTH;
}

function clear(bytes: Uint8Array, iu: number, response: number, length: number): DataView {
  bytes.fill(0, response, response + length);
  bytes.copyWithin(response + SRP_TAG, iu + SRP_TAG, iu + SRP_TAG + SRP_TAG_LENGTH);
  return new DataView(bytes.buffer, bytes.byteOffset + response, length);
}
