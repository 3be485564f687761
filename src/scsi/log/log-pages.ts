import {
  LOG_PAGE_GENERAL_STATISTICS,
  LOG_PAGE_INFORMATIONAL_EXCEPTIONS,
  LOG_PAGE_SELF_TEST_RESULTS,
} from "../../abi/scsi.ts";
import type { DeviceServer } from "../device-server.ts";
import { SELF_TESTS_KEPT, type SelfTest } from "../self-tests.ts";
import { LIST_BINARY, type LogPage, type LogParameter } from "./log-page.ts";

/** Accumulated power on hours when there are more. [SPC-4] 7.3.17. */
const HOURS_MAXIMUM = 0xffff;
const NO_TEST = new Array<number>(16).fill(0);
const SELF_TEST_CODE_SHIFT = 5;
const NO_FAILING_ADDRESS = new Array<number>(8).fill(0xff);
/** MOST RECENT TEMPERATURE READING: there is none. [SPC-4] 7.3.11. */
const TEMPERATURE_UNKNOWN = 0xff;

function selfTestResults({ selfTests }: DeviceServer): readonly LogParameter[] {
  return Array.from({ length: SELF_TESTS_KEPT }, (_, index) => ({
    code: index + 1,
    format: LIST_BINARY,
    value: selfTestResult(selfTests.results[index]),
  }));
}

/** All have passed: result 0, no failing segment, no sense. */
function selfTestResult(test: SelfTest | undefined): readonly number[] {
  if (test === undefined) return NO_TEST;
  const hours = Math.min(test.hour, HOURS_MAXIMUM);
  return [test.code << SELF_TEST_CODE_SHIFT, 0, hours >> 8, hours & 0xff, ...NO_FAILING_ADDRESS, 0, 0, 0, 0];
}

function informationalExceptions(): readonly LogParameter[] {
  return [{ code: 0, format: LIST_BINARY, value: [0, 0, TEMPERATURE_UNKNOWN, 0] }];
}

/** Statistics and performance: commands and blocks; times are not taken. [SPC-4] 7.3.9. */
function generalStatistics({ statistics }: DeviceServer): readonly LogParameter[] {
  const { readCommands, writeCommands, readBlocks, writtenBlocks } = statistics;
  const counts = [readCommands, writeCommands, writtenBlocks, readBlocks, 0, 0, 0, 0];
  return [{ code: 1, format: LIST_BINARY, value: counts.flatMap(field64) }];
}

function field64(value: number): number[] {
  const field = new DataView(new ArrayBuffer(8));
  field.setBigUint64(0, BigInt(value));
  return [...new Uint8Array(field.buffer)];
}

/** The log pages of every unit, in the order of their codes. Page 00 lists them. */
export const LOG_PAGES: readonly LogPage[] = [
  { page: LOG_PAGE_SELF_TEST_RESULTS, name: "Self-Test Results", parameters: selfTestResults },
  { page: LOG_PAGE_GENERAL_STATISTICS, name: "General Statistics and Performance", parameters: generalStatistics },
  { page: LOG_PAGE_INFORMATIONAL_EXCEPTIONS, name: "Informational Exceptions", parameters: informationalExceptions },
];
