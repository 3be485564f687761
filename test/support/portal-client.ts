import { expect } from "vitest";
import {
  DATA_FLAG_STATUS,
  DATA_IN_STATUS,
  SCSI_DATA_IN,
  SCSI_RESPONSE,
  SCSI_RESPONSE_STATUS,
  SENSE_LENGTH_FIELD,
} from "../../src/abi/iscsi.ts";
import { INITIATOR, RawInitiator } from "../iscsi/raw-initiator.ts";

const CHECK_CONDITION = 2;
const UNIT_ATTENTION = 6;

export interface PortalAnswer {
  status: number;
  data: Buffer;
  /** "02/04/1b", or "" without sense data. */
  sense: string;
}

/** An initiator on LUN 0 of an iSCSI target, which asks one command at a time. */
export class PortalClient {
  readonly #initiator: RawInitiator;

  private constructor(initiator: RawInitiator) {
    this.#initiator = initiator;
  }

  static async connect(port: number, target: string): Promise<PortalClient> {
    return new PortalClient(await RawInitiator.login(port, { target, initiator: INITIATOR }));
  }

  /** Sends a command until it meets no unit attention. */
  async ask(cdb: readonly number[], data: { read?: number; write?: Uint8Array } = {}): Promise<PortalAnswer> {
    for (;;) {
      const answer = await this.#once(cdb, data);
      if (!answer.sense.startsWith(`0${UNIT_ATTENTION}/`)) return answer;
    }
  }

  /** Reads blocks of 512 bytes from the first on. */
  async readBlocks(count: number): Promise<Buffer> {
    const piece = 2048;
    const parts: Buffer[] = [];
    for (let lba = 0; lba < count; lba += piece) {
      const cdb = Buffer.alloc(10);
      cdb[0] = 0x28;
      cdb.writeUInt32BE(lba, 2);
      cdb.writeUInt16BE(Math.min(piece, count - lba), 7);
      const { status, data } = await this.ask([...cdb], { read: piece * 512 });
      expect(status).toBe(0);
      parts.push(data);
    }
    return Buffer.concat(parts);
  }

  close(): void {
    this.#initiator.destroy();
  }

  async #once(cdb: readonly number[], { read, write }: { read?: number; write?: Uint8Array }): Promise<PortalAnswer> {
    this.#initiator.command(cdb, {
      ...(read !== undefined && { read }),
      ...(write !== undefined && { write: write.length, data: write }),
    });
    const parts: Buffer[] = [];
    for (;;) {
      const pdu = await this.#initiator.next();
      if (pdu.opcode === SCSI_DATA_IN) {
        parts.push(pdu.data);
        if ((pdu.flags & DATA_FLAG_STATUS) !== 0)
          return { status: pdu.u8(DATA_IN_STATUS), data: Buffer.concat(parts), sense: "" };
      } else {
        expect(pdu.opcode).toBe(SCSI_RESPONSE);
        const status = pdu.u8(SCSI_RESPONSE_STATUS);
        return { status, data: Buffer.concat(parts), sense: status === CHECK_CONDITION ? senseOf(pdu.data) : "" };
      }
    }
  }
}

/** Sense key and additional sense code of sense data in the fixed or the descriptor format. */
function senseOf(segment: Buffer): string {
  const sense = segment.subarray(SENSE_LENGTH_FIELD);
  const fixed = ((sense[0] ?? 0) & 0x7f) < 0x72;
  const codes = fixed ? [(sense[2] ?? 0) & 0xf, sense[12], sense[13]] : [(sense[1] ?? 0) & 0xf, sense[2], sense[3]];
  return codes.map((code) => (code ?? 0).toString(16).padStart(2, "0")).join("/");
}
