import type { Nexus } from "../scsi/task.ts";

/** PROTOCOL IDENTIFIER of SRP. [SPC-4] 7.6.1. */
const PROTOCOL_SRP = 4;
/** TransportID of an initiator port: format 0, protocol, and an initiator port identifier of 16 bytes. [SPC-4] 7.6.4.5. */
const TRANSPORT_ID_LENGTH = 24;
const IDENTIFIER_EXTENSION = 8;

/**
 * The I_T nexus of a CRQ. Clients log in with port identifiers of zeros ([protocol] 3.1): what tells them apart is the
 * virtual adapter that they are connected to, so its unit address stands for the identifier.
 */
export function crqNexus(unitAddress: number, relativeIdentifier: number): Nexus {
  const name = `crq:${unitAddress.toString(16)}`;
  const transportId = new Uint8Array(TRANSPORT_ID_LENGTH);
  transportId[0] = PROTOCOL_SRP;
  new DataView(transportId.buffer).setUint32(IDENTIFIER_EXTENSION + 12, unitAddress);
  return { name, transportId, port: { relativeIdentifier, name, protocolIdentifier: PROTOCOL_SRP } };
}
