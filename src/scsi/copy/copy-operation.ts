import type { Clock } from "../../core/clock.ts";
import { COPY_TARGET_FAILED, type Sense } from "../sense.ts";
import type { CopyFailure, TargetFailure } from "./copy-failure.ts";
import type { CopyRequest } from "./copy-request.ts";
import type { CopyList, CopySegment } from "./parameter-list.ts";
import { INEXACT, type ReadyTarget, SegmentCopy, type SegmentEnd } from "./segment-copy.ts";
import type { TargetFinder } from "./target-finder.ts";

type Role = TargetFailure["role"];

/** One EXTENDED COPY on its way: its segments one after the other, each in pieces between which others have their turn. */
export class CopyOperation {
  readonly #request: CopyRequest;
  readonly #finder: TargetFinder;
  readonly #segments: readonly CopySegment[];
  readonly #clock: Clock;
  readonly #ended: (failure: CopyFailure | undefined) => void;
  #current: SegmentCopy | undefined;
  #carried = 0;
  #written = 0;
  #aborted = false;
  #cancelTimer: (() => void) | undefined;
  #over = false;
  /** Segments that are done. */
  segmentsProcessed = 0;

  /** @param ended told once, never from within `start`: without a failure also when it was aborted */
  constructor(
    request: CopyRequest,
    finder: TargetFinder,
    { segments }: CopyList,
    clock: Clock,
    ended: (failure: CopyFailure | undefined) => void,
  ) {
    this.#request = request;
    this.#finder = finder;
    this.#segments = segments;
    this.#clock = clock;
    this.#ended = ended;
  }

  /** Bytes that have reached their destinations. */
  get bytesWritten(): number {
    return this.#written + (this.#current?.written ?? 0);
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  start(): void {
    this.#later(() => this.#nextSegment());
  }

  /** Copies no further piece: ends at once, or when the command under way has ended. */
  abort(): void {
    this.#aborted = true;
    if (!this.#request.busy) this.#end(undefined);
  }

  #later(step: () => void): void {
    this.#cancelTimer = this.#clock.after(0, () => {
      this.#cancelTimer = undefined;
      step();
    });
  }

  #nextSegment(): void {
    const segment = this.#segments[this.segmentsProcessed];
    if (segment === undefined) return this.#end(undefined);
    this.#find(segment.source, "source", (source) =>
      this.#find(segment.destination, "destination", (destination) => this.#beginSegment(segment, source, destination)),
    );
  }

  #find(index: number, role: Role, then: (target: ReadyTarget) => void): void {
    this.#finder.find(index, (found) => {
      if (this.#aborted) return this.#end(undefined);
      if (found === "failed") return this.#targetFailed(role);
      if ("key" in found) return this.#fail(found);
      then(found);
    });
  }

  #beginSegment(segment: CopySegment, source: ReadyTarget, destination: ReadyTarget): void {
    const isLast = this.segmentsProcessed === this.#segments.length - 1;
    this.#current = new SegmentCopy(this.#request, segment, source, destination, this.#carried, isLast);
    this.#step();
  }

  #step(): void {
    this.#current?.step((end) => this.#stepped(end));
  }

  #stepped(end: SegmentEnd | undefined): void {
    if (this.#aborted || this.#request.aborted) {
      this.#aborted = true;
      return this.#end(undefined);
    }
    if (end === undefined) return this.#later(() => this.#step());
    if (end === "inexact") return this.#fail(INEXACT);
    if (end !== "done") return this.#targetFailed(end);
    this.#carried = this.#current?.carried ?? 0;
    this.#written = this.bytesWritten;
    this.#current = undefined;
    this.segmentsProcessed++;
    this.#later(() => this.#nextSegment());
  }

  #targetFailed(role: Role): void {
    const { status, sense, senseLength } = this.#request;
    this.#fail(COPY_TARGET_FAILED, { role, status, sense: sense.slice(0, senseLength) });
  }

  #fail(sense: Sense, target?: TargetFailure): void {
    this.#end({ sense, segment: this.segmentsProcessed, ...(target && { target }) });
  }

  #end(failure: CopyFailure | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelTimer?.();
    this.#ended(failure);
  }
}
