import { COPY_HEADER_LENGTH } from "../../abi/copy.ts";
import { STATUS_BUSY } from "../../abi/scsi.ts";
import type { Disk } from "../disk/disk.ts";
import { LIST_TOO_SHORT, ParameterFault } from "../parameter-fault.ts";
import { checkCondition, endWith, good, OPERATION_IN_PROGRESS } from "../sense.ts";
import type { ScsiTask } from "../task.ts";
import { cdb32 } from "../task-access.ts";
import { type CopyFailure, copySense, endAborted } from "./copy-failure.ts";
import { CopyOperation } from "./copy-operation.ts";
import { CopyRequest } from "./copy-request.ts";
import { CopyResult } from "./copy-results.ts";
import { CONCURRENT_COPIES_MAXIMUM, DESCRIPTOR_LISTS_MAXIMUM } from "./limits.ts";
import { type CopyList, parseCopyList } from "./parameter-list.ts";
import { COPY_BUFFER_LENGTH } from "./segment-copy.ts";
import { TargetFinder } from "./target-finder.ts";

const PARAMETER_LIST_LENGTH = 10;
/** More than the limits allow is not even looked at, but for one byte: enough to be told from what fits. */
const LIST_LENGTH_LOOKED_AT = COPY_HEADER_LENGTH + DESCRIPTOR_LISTS_MAXIMUM * 2;

/** EXTENDED COPY (LID1). [SPC-4] 6.4. */
export function extendedCopy(disk: Disk, task: ScsiTask) {
  const length = cdb32(task, PARAMETER_LIST_LENGTH);
  // Not an error: nothing is copied.
  if (length === 0) return good(task);
  task.dataOutCount = length;
  if (task.dataOutLength < length) return LIST_TOO_SHORT.refuse(task);
  const looked = Math.min(length, LIST_LENGTH_LOOKED_AT);
  const list = parseCopyList(task.memory.u8.slice(task.buffer, task.buffer + looked));
  if (list instanceof ParameterFault) return list.refuse(task);
  const { identifier } = list;
  if (identifier !== undefined && disk.copies.find(task.nexus, identifier)?.inProgress)
    return checkCondition(task, OPERATION_IN_PROGRESS);
  if (disk.copies.running === CONCURRENT_COPIES_MAXIMUM) return endWith(task, STATUS_BUSY);
  begin(disk, task, list);
}

function begin(disk: Disk, task: ScsiTask, list: CopyList) {
  const request = makeRequest(task);
  if (request === undefined) return endWith(task, STATUS_BUSY);
  const { taskSet, copies, clock } = disk;
  const finder = new TargetFinder(request, [...disk.copyTargets()], list.targets);
  const operation = new CopyOperation(request, finder, list, clock, (failure) => {
    copies.running--;
    request.release();
    record(operation, result, failure);
    taskSet.ended(task);
    if (failure !== undefined) endAborted(task, failure);
    else good(task);
    taskSet.left(task);
  });
  const result = new CopyResult(operation);
  if (list.identifier !== undefined) copies.keep(task.nexus, list.identifier, result);
  copies.running++;
  taskSet.began(task, () => operation.abort());
  operation.start();
}

/** Undefined when there is no memory for another copy. */
function makeRequest({ memory, nexus }: ScsiTask): CopyRequest | undefined {
  try {
    return new CopyRequest(memory, nexus, COPY_BUFFER_LENGTH);
  } catch {
    return undefined;
  }
}

const NO_SENSE_DATA = new Uint8Array();
/** Room for the sense data that RECEIVE COPY FAILURE DETAILS tells. */
const FAILURE_DETAILS_ROOM = 252;

function record({ aborted }: CopyOperation, result: CopyResult, failure: CopyFailure | undefined) {
  if (failure !== undefined) result.failed(copySense(failure, false, FAILURE_DETAILS_ROOM));
  else if (aborted) result.failed(NO_SENSE_DATA);
  else result.completed();
}
