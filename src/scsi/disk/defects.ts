import { answerWith } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16, cdb32 } from "../task-access.ts";
import type { Disk } from "./disk.ts";

/** REQ_PLIST, REQ_GLIST, DEFECT LIST FORMAT: told back as PLISTV, GLISTV and the format. */
const LIST_FLAGS = 0x1f;
const HEADER_10 = 4;
const HEADER_12 = 8;

/** READ DEFECT DATA(10). [SBC-4] 5.20. The medium has no defects that anybody could see: the lists are empty. */
export function readDefectData10(_disk: Disk, task: ScsiTask): void {
  const header = new Uint8Array(HEADER_10);
  header[1] = cdb8(task, 2) & LIST_FLAGS;
  answerWith(task, header, cdb16(task, 7));
}

/** READ DEFECT DATA(12). [SBC-4] 5.21. */
export function readDefectData12(_disk: Disk, task: ScsiTask): void {
  const header = new Uint8Array(HEADER_12);
  header[1] = cdb8(task, 1) & LIST_FLAGS;
  answerWith(task, header, cdb32(task, 6));
}
