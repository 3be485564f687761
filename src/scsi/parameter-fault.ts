import { checkCondition, INVALID_FIELD_IN_PARAMETER_LIST, PARAMETER_LIST_LENGTH_ERROR, type Sense } from "./sense.ts";
import type { SenseDetail } from "./sense-data.ts";
import type { ScsiTask } from "./task.ts";

/** Why a parameter list is refused. Parsers return it, so that they need no task. */
export class ParameterFault {
  readonly sense: Sense;
  readonly detail: SenseDetail | undefined;

  constructor(sense: Sense, detail?: SenseDetail) {
    this.sense = sense;
    this.detail = detail;
  }

  refuse(task: ScsiTask): void {
    checkCondition(task, this.sense, this.detail);
  }
}

/** A wrong byte of the list, and the most significant bit of the field in it when that is no whole byte. */
export function wrongParameter(fieldPointer: number, bitPointer?: number): ParameterFault {
  const detail = bitPointer === undefined ? { fieldPointer } : { fieldPointer, bitPointer };
  return new ParameterFault(INVALID_FIELD_IN_PARAMETER_LIST, detail);
}

/** The list ends before what it promises. */
export const LIST_TOO_SHORT = new ParameterFault(PARAMETER_LIST_LENGTH_ERROR);
