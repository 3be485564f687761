import { ALL_SUBPAGES, LOG_PAGE_SUPPORTED } from "../../abi/scsi.ts";
import type { DeviceServer } from "../device-server.ts";
import { answerWith, checkCondition, invalidField, SAVING_NOT_SUPPORTED } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16 } from "../task-access.ts";
import type { LogParameter } from "./log-page.ts";
import { LOG_PAGES } from "./log-pages.ts";

const SAVE_PARAMETERS = 0x01;
const PAGE_BYTE = 2;
const SUBPAGE_BYTE = 3;
const PARAMETER_POINTER = 5;
const PAGE_CODE = 0x3f;
/** PC 01b: cumulative values. Thresholds and defaults are not kept. [SPC-4] 6.8. */
const CUMULATIVE = 1;
/** DS: this page is not saved. */
const NOT_SAVED = 0x80;
const SUBPAGE_FORMAT = 0x40;

/** LOG SENSE. [SPC-4] 6.8. */
export function logSense(unit: DeviceServer, task: ScsiTask) {
  if ((cdb8(task, 1) & SAVE_PARAMETERS) !== 0) return checkCondition(task, SAVING_NOT_SUPPORTED);
  if (cdb8(task, PAGE_BYTE) >> 6 !== CUMULATIVE) return invalidField(task, PAGE_BYTE, 7);
  const page = cdb8(task, PAGE_BYTE) & PAGE_CODE;
  const subpage = cdb8(task, SUBPAGE_BYTE);
  const data = page === LOG_PAGE_SUPPORTED ? supported(subpage) : pageData(unit, task, page, subpage);
  if (typeof data === "number") return invalidField(task, data);
  answerWith(task, data, cdb16(task, 7));
}

/** Page 00 and, with subpage FF, the list of pages and subpages. @returns the wrong byte for another subpage */
function supported(subpage: number): Uint8Array | number {
  const pages = [LOG_PAGE_SUPPORTED, ...LOG_PAGES.map(({ page }) => page)];
  if (subpage === 0) return withHeader([LOG_PAGE_SUPPORTED, 0], pages);
  if (subpage !== ALL_SUBPAGES) return SUBPAGE_BYTE;
  // The list has itself in it.
  const entries = pages.flatMap((page) => [page, 0]).toSpliced(2, 0, LOG_PAGE_SUPPORTED, ALL_SUBPAGES);
  return withHeader([SUBPAGE_FORMAT | LOG_PAGE_SUPPORTED, ALL_SUBPAGES], entries);
}

function pageData(unit: DeviceServer, task: ScsiTask, code: number, subpage: number): Uint8Array | number {
  const row = LOG_PAGES.find(({ page }) => page === code);
  if (row === undefined) return PAGE_BYTE;
  if (subpage !== 0) return SUBPAGE_BYTE;
  const first = cdb16(task, PARAMETER_POINTER);
  const parameters = row.parameters(unit).filter((parameter) => parameter.code >= first);
  if (parameters.length === 0) return PARAMETER_POINTER;
  return withHeader([NOT_SAVED | code, 0], parameters.flatMap(parameterData));
}

function parameterData({ code, format, value }: LogParameter): number[] {
  return [code >> 8, code & 0xff, format, value.length, ...value];
}

/** Log page header. [SPC-4] 7.3.2.1. */
function withHeader(start: readonly number[], body: readonly number[]): Uint8Array {
  return Uint8Array.from([...start, body.length >> 8, body.length & 0xff, ...body]);
}
