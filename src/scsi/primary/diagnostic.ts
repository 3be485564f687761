import type { DeviceServer } from "../device-server.ts";
import { answerWith, checkCondition, good, invalidField, PARAMETER_LIST_LENGTH_ERROR } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb8, cdb16, dataOut } from "../task-access.ts";

const PAGE_CODE_VALID = 0x01;
const SELF_TEST = 0x04;
const SELF_TEST_CODE_SHIFT = 5;
/** SELF-TEST CODE. [SPC-4] 6.42: 1, 2 background, 5, 6 foreground; the others are reserved, or abort what is never there. */
const SELF_TESTS = [1, 2, 5, 6] as const;
/** The only diagnostic page: the list of them. [SPC-4] 7.2.6. */
const SUPPORTED_PAGES = 0x00;
const PAGE_HEADER = 4;

/**
 * SEND DIAGNOSTIC. There is no hardware to test that commands do not use all the time: a self-test passes at once.
 * [SPC-4] 6.42.
 */
export function sendDiagnostic(unit: DeviceServer, task: ScsiTask) {
  const flags = cdb8(task, 1);
  const code = flags >> SELF_TEST_CODE_SHIFT;
  const length = cdb16(task, 3);
  task.dataOutCount = length;
  const selfTest = (flags & SELF_TEST) !== 0;
  if (code !== 0 && (selfTest || !SELF_TESTS.some((known) => known === code))) return invalidField(task, 1, 7);
  // A self-test takes no parameters, and a page wants one.
  if ((selfTest || code !== 0) && length !== 0) return invalidField(task, 3);
  if (code !== 0) unit.selfTests.record(code);
  if (length === 0) return good(task);
  if (length !== PAGE_HEADER || task.dataOutLength < length) return checkCondition(task, PARAMETER_LIST_LENGTH_ERROR);
  // The only page that can be sent asks for the list that RECEIVE DIAGNOSTIC RESULTS tells anyway.
  if (dataOut(task, length).getUint32(0) !== 0) return invalidField(task, 3);
  good(task);
}

/** RECEIVE DIAGNOSTIC RESULTS. [SPC-4] 6.32. */
export function receiveDiagnosticResults(_unit: DeviceServer, task: ScsiTask) {
  const page = (cdb8(task, 1) & PAGE_CODE_VALID) === 0 ? SUPPORTED_PAGES : cdb8(task, 2);
  if (page !== SUPPORTED_PAGES) return invalidField(task, 2);
  answerWith(task, Uint8Array.from([SUPPORTED_PAGES, 0, 0, 1, SUPPORTED_PAGES]), cdb16(task, 3));
}
