import {
  ADAPTER_STAGED,
  KIND_MAD,
  SLOT_CRQ_STATUS,
  SLOT_DATA_IN_RESIDUAL,
  SLOT_IU,
  SLOT_LIMIT_DELTA,
  SLOT_RESPONSE,
  SLOT_RSP_CODE,
  SLOT_RSP_FLAGS,
  SLOT_SCSI_STATUS,
  SLOT_SENSE_LENGTH,
  SLOT_TAG,
  STAGED_TABLE,
  STAGED_TABLE_LENGTH,
  WINDOW_STAGED,
  WINDOW_STATE,
} from "../../../src/abi/records.ts";
import { SRP_RSP_DATA, SRP_RSP_DIUNDER, SRP_RSP_RSPVALID, SRP_RSP_SNSVALID } from "../../../src/abi/srp.ts";
import { PAGE } from "../../core/side.ts";
import { command, decode, direct, mapPages, put, READ_DIRECT, type Scenario, word } from "./scenario.ts";

export const IUS: readonly Scenario[] = [
  {
    name: "srp-decode",
    title: "IUs of every type with direct and indirect descriptors, every fault, and tables that a port brought along",
    staged: true,
    run(side, core) {
      mapPages(side);
      const read10 = "28000000080000000800";
      const table = [0x0000, 0x3000, 0x1000].map((ioba) => direct(ioba, 0x1000)).join("");
      decode(side, core, READ_DIRECT);
      decode(side, core, command("01", "0000", read10, direct(0x800, 0x1000)));
      decode(
        side,
        core,
        command("20", "0300", "2a000000100000001800", `${direct(0x344, 0x30)}${word(0x3000)}${table}`),
      );
      decode(
        side,
        core,
        command("02", "0003", "88000000000100000000000000180000", `${direct(0x344, 0x30)}${word(0x2800)}${table}`),
      );
      put(side, side.client + 3 * PAGE, table);
      decode(side, core, command("02", "0000", "0800010800", `${direct(PAGE, 0x30)}${word(0x3000)}`));
      decode(side, core, command("00", "0000", "00", ""));
      decode(
        side,
        core,
        `010000000000000011223344556677150000000081000000000000000000010011223344556677050000000000000000`,
      );
      decode(side, core, "00".repeat(64));
      decode(side, core, `03${"00".repeat(15)}`);
      decode(side, core, `00000003000000941122334455667701000000000001100000`.slice(0, 48), { kind: KIND_MAD });
      // Faults.
      decode(side, core, "02", { length: 8 });
      decode(side, core, `c1${"00".repeat(47)}`);
      decode(side, core, `01${"00".repeat(16)}`);
      decode(side, core, command("00", "0000", "00", "", "810000000000000000030000"));
      decode(side, core, command("00", "0000", "00", "", "810000000000000000000001"));
      decode(side, core, command("00", "0000", "00", "", "810000000000000000000004"));
      decode(side, core, command("11", "0000", read10, direct(0, 16)));
      decode(side, core, command("03", "0000", read10, direct(0, 16)));
      decode(side, core, command("01", "0000", read10, direct(0, 16).slice(2)));
      decode(side, core, command("02", "0004", read10, `${direct(0x344, 0x40)}${word(0x3000)}${table}`));
      decode(side, core, command("02", "0003", read10, `${direct(0x344, 0x31)}${word(0x3000)}${table}`));
      decode(side, core, command("02", "0000", read10, `${direct(0x344, 0x2010)}${word(0x3000)}`));
      decode(side, core, command("02", "0000", read10, `${direct(11 * PAGE, 0x30)}${word(0x3000)}`));
      decode(side, core, command("01", "0000", read10, direct(9 * PAGE, 16)));
      decode(side, core, command("10", "0000", "2a000000080000000800", direct(31 * PAGE, PAGE + 16)));
      // A window whose memory is elsewhere: the port brought the table, or did not.
      const staged = side.records.get(ADAPTER_STAGED);
      side.set(side.window + WINDOW_STATE, WINDOW_STAGED);
      put(side, staged + STAGED_TABLE, table);
      side.set(staged + STAGED_TABLE_LENGTH, 0x30);
      const indirect = command("02", "0000", read10, `${direct(0x90000, 0x30)}${word(0x3000)}`);
      decode(side, core, indirect, { staged });
      side.set(staged + STAGED_TABLE_LENGTH, 0);
      decode(side, core, indirect, { staged });
      decode(side, core, indirect);
    },
  },
  {
    name: "srp-response",
    title: "Responses with and without sense, with a task management answer, and the entries that tell of them",
    run(side, core) {
      const slot = side.records.slot(0);
      const build = (fields: readonly (readonly [number, number])[]) => {
        for (const [field, value] of fields) side.set(slot + field, value);
        core.srp_build_response(slot);
        core.srp_build_entry(slot, side.entries);
      };
      put(side, slot + SLOT_TAG, "1122334455667705");
      build([[SLOT_LIMIT_DELTA, 1]]);
      put(side, slot + SLOT_TAG, "112233445566770d");
      put(side, slot + SLOT_RESPONSE + SRP_RSP_DATA, "70000500000000 0a00000000210000000000");
      build([
        [SLOT_SCSI_STATUS, 2],
        [SLOT_RSP_FLAGS, SRP_RSP_SNSVALID | SRP_RSP_DIUNDER],
        [SLOT_DATA_IN_RESIDUAL, 0x1000],
        [SLOT_SENSE_LENGTH, 18],
      ]);
      put(side, slot + SLOT_IU, "0106");
      build([[SLOT_SENSE_LENGTH, 300]]);
      build([
        [SLOT_SCSI_STATUS, 0],
        [SLOT_RSP_FLAGS, SRP_RSP_RSPVALID],
        [SLOT_DATA_IN_RESIDUAL, 0],
        [SLOT_RSP_CODE, 5],
        [SLOT_CRQ_STATUS, 0x99],
      ]);
    },
  },
];
