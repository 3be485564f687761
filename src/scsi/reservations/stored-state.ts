import type { PersistentState } from "./persistent.ts";
import { makeRegistrant } from "./registrant.ts";
import { takeTransportId } from "./transport-id.ts";
import { persistentType } from "./types.ts";

/** Where the registrations and the reservation of one unit outlive the process: what APTPL needs. [SPC-4] 5.12.5. */
export interface ReservationStorage {
  /** Where it is, for people: a path. */
  readonly description: string;
  /** What was saved last; undefined when there is nothing. @throws when it can't be read */
  load(): string | undefined;
  /** Puts `state` in the place of what was there, durably and wholly or not at all; undefined removes it. */
  save(state: string | undefined): Promise<void>;
  /** Ends its use; follows the saves that are under way. */
  close(): Promise<void>;
}

/** What was stored is damaged. A reservation that was promised to last is never dropped in silence. */
export class StoredStateError extends Error {
  readonly code = "VSCSI_RESERVATIONS";
}

const VERSION = 1;
const KEY_DIGITS = 16;
const RELATIVE_PORT_MAXIMUM = 0xffff;

interface StoredState {
  version: number;
  registrations: { transportId: string; relativeTargetPort: number; key: string }[];
  type?: number;
  holder?: number;
}

export function encodeState({ registrations, type, holder }: PersistentState): string {
  const stored: StoredState = {
    version: VERSION,
    registrations: registrations.map(({ registrant: { transportId, relativeTargetPort }, key }) => ({
      transportId: hexadecimal(transportId),
      relativeTargetPort,
      key: key.toString(16).padStart(KEY_DIGITS, "0"),
    })),
    ...(type !== undefined && { type: type.code }),
    ...(holder !== undefined && { holder }),
  };
  return `${JSON.stringify(stored, undefined, 2)}\n`;
}

/** What a storage holds; undefined when that is nothing. @throws StoredStateError when it is not what encodeState writes */
export function loadState(storage: ReservationStorage): { text: string; state: PersistentState } | undefined {
  const text = storage.load();
  if (text === undefined) return undefined;
  try {
    return { text, state: decodeState(text) };
  } catch (error) {
    const advice = "mend it, or remove it to give up the reservations";
    throw new StoredStateError(`${storage.description}: ${(error as Error).message}; ${advice}`);
  }
}

function decodeState(text: string): PersistentState {
  const stored: unknown = JSON.parse(text);
  if (!isStoredState(stored)) throw new Error("these are no saved reservations");
  const registrations = stored.registrations.map(({ transportId, relativeTargetPort, key }) => {
    const bytes = takeTransportId(bytesOf(transportId), 0);
    const value = /^[0-9a-f]{16}$/.test(key) ? BigInt(`0x${key}`) : 0n;
    const portFits = relativeTargetPort > 0 && relativeTargetPort <= RELATIVE_PORT_MAXIMUM;
    if (bytes === undefined || value === 0n || !portFits) throw new Error("a saved registration is damaged");
    return { registrant: makeRegistrant(bytes, relativeTargetPort), key: value };
  });
  const type = stored.type === undefined ? undefined : persistentType(stored.type);
  const holds = type !== undefined && !type.allRegistrants;
  const holderFits = holds ? registrations[stored.holder ?? -1] !== undefined : stored.holder === undefined;
  if (type?.code !== stored.type || !holderFits || (type !== undefined && registrations.length === 0))
    throw new Error("the saved reservation is damaged");
  return { registrations, type, holder: stored.holder };
}

function isStoredState(value: unknown): value is StoredState {
  if (!isRecord(value) || value.version !== VERSION) return false;
  const { registrations, type, holder } = value;
  return (
    Array.isArray(registrations) && registrations.every(isRegistration) && maybeNumber(type) && maybeNumber(holder)
  );
}

function isRegistration(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { transportId, relativeTargetPort, key } = value;
  return typeof transportId === "string" && Number.isInteger(relativeTargetPort) && typeof key === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function maybeNumber(value: unknown): boolean {
  return value === undefined || Number.isInteger(value);
}

function hexadecimal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}
