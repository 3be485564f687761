import { PR_REGISTER, PR_REGISTER_AND_IGNORE_EXISTING_KEY, PR_REGISTER_AND_MOVE } from "../../abi/scsi.ts";
import { INVALID_FIELD_IN_PARAMETER_LIST, PARAMETER_LIST_LENGTH_ERROR, type Sense } from "../sense.ts";
import { takeTransportId } from "./transport-id.ts";

/** Length of the list without TransportIDs. [SPC-4] 6.16.3, 6.16.4. */
export const BASIC_LENGTH = 24;
/** More than all TransportIDs that could be registered need. */
export const LENGTH_MAXIMUM = 0x4_0000;

const SERVICE_ACTION_KEY = 8;
const FLAGS = 20;
const SPECIFY_INITIATOR_PORTS = 0x08;
const ALL_TARGET_PORTS = 0x04;
const ACTIVATE_PERSIST_THROUGH_POWER_LOSS = 0x01;
const TRANSPORT_IDS_LENGTH = 24;
const TRANSPORT_IDS = 28;
// REGISTER AND MOVE has a list of its own.
const MOVE_FLAGS = 17;
const MOVE_UNREGISTER = 0x02;
const MOVE_RELATIVE_TARGET_PORT = 18;
const MOVE_TRANSPORT_ID_LENGTH = 20;

/** Parameter list of PERSISTENT RESERVE OUT. [SPC-4] 6.16.3, 6.16.4. */
export interface ParameterList {
  readonly key: bigint;
  readonly serviceActionKey: bigint;
  /** APTPL. */
  readonly outlivesPower: boolean;
  readonly allTargetPorts: boolean;
  /** TransportIDs that SPEC_I_PT brought; undefined without SPEC_I_PT. */
  readonly initiatorPorts: readonly Uint8Array[] | undefined;
  /** Where REGISTER AND MOVE moves to. */
  readonly destination?: { transportId: Uint8Array; relativeTargetPort: number; unregister: boolean };
}

/** Reads the list of a service action; sense data when it is none. */
export function readParameterList(bytes: Uint8Array, serviceAction: number): ParameterList | Sense {
  if (bytes.length < BASIC_LENGTH) return PARAMETER_LIST_LENGTH_ERROR;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return serviceAction === PR_REGISTER_AND_MOVE ? readMove(bytes, view) : readBasic(bytes, view, serviceAction);
}

function readBasic(bytes: Uint8Array, view: DataView, serviceAction: number): ParameterList | Sense {
  const flags = view.getUint8(FLAGS);
  const specifies = (flags & SPECIFY_INITIATOR_PORTS) !== 0;
  // Bits for registering mean nothing to the other service actions; SPEC_I_PT they must not have. [SPC-4] 6.16.3.
  if (specifies && serviceAction !== PR_REGISTER) return INVALID_FIELD_IN_PARAMETER_LIST;
  if (!specifies && bytes.length !== BASIC_LENGTH) return PARAMETER_LIST_LENGTH_ERROR;
  const registers = serviceAction === PR_REGISTER || serviceAction === PR_REGISTER_AND_IGNORE_EXISTING_KEY;
  const initiatorPorts = specifies ? readTransportIds(bytes, view) : undefined;
  if (initiatorPorts !== undefined && !Array.isArray(initiatorPorts)) return initiatorPorts;
  return {
    key: view.getBigUint64(0),
    serviceActionKey: view.getBigUint64(SERVICE_ACTION_KEY),
    outlivesPower: registers && (flags & ACTIVATE_PERSIST_THROUGH_POWER_LOSS) !== 0,
    allTargetPorts: registers && (flags & ALL_TARGET_PORTS) !== 0,
    initiatorPorts,
  };
}

function readTransportIds(bytes: Uint8Array, view: DataView): Uint8Array[] | Sense {
  if (bytes.length < TRANSPORT_IDS) return PARAMETER_LIST_LENGTH_ERROR;
  if (view.getUint32(TRANSPORT_IDS_LENGTH) !== bytes.length - TRANSPORT_IDS) return PARAMETER_LIST_LENGTH_ERROR;
  const found: Uint8Array[] = [];
  for (let at = TRANSPORT_IDS; at < bytes.length; ) {
    const transportId = takeTransportId(bytes, at);
    if (transportId === undefined) return INVALID_FIELD_IN_PARAMETER_LIST;
    found.push(transportId);
    at += transportId.length;
  }
  return found;
}

function readMove(bytes: Uint8Array, view: DataView): ParameterList | Sense {
  if (view.getUint32(MOVE_TRANSPORT_ID_LENGTH) !== bytes.length - BASIC_LENGTH) return PARAMETER_LIST_LENGTH_ERROR;
  const transportId = takeTransportId(bytes, BASIC_LENGTH);
  if (transportId === undefined || transportId.length !== bytes.length - BASIC_LENGTH)
    return INVALID_FIELD_IN_PARAMETER_LIST;
  const flags = view.getUint8(MOVE_FLAGS);
  return {
    key: view.getBigUint64(0),
    serviceActionKey: view.getBigUint64(SERVICE_ACTION_KEY),
    outlivesPower: (flags & ACTIVATE_PERSIST_THROUGH_POWER_LOSS) !== 0,
    allTargetPorts: false,
    initiatorPorts: undefined,
    destination: {
      transportId,
      relativeTargetPort: view.getUint16(MOVE_RELATIVE_TARGET_PORT),
      unregister: (flags & MOVE_UNREGISTER) !== 0,
    },
  };
}
