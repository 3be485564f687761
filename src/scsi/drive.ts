import { MEDIA_EVENT_EJECT_REQUEST, MEDIA_EVENT_NEW_MEDIA, MEDIA_EVENT_REMOVAL } from "../abi/mmc.ts";
import type { BlockStore } from "./block-store.ts";
import { DeviceServer } from "./device-server.ts";
import type { TransferPool } from "./disk/transfer-pool.ts";
import type { LogicalUnit } from "./logical-unit.ts";
import { type Medium, NO_MEDIUM } from "./medium.ts";
import { MediaEvents, RemovalPrevention, Tray } from "./removable-medium.ts";
import {
  CAPACITY_DATA_CHANGED,
  MEDIUM_MAY_HAVE_CHANGED,
  MEDIUM_NOT_PRESENT_TRAY_CLOSED,
  MEDIUM_NOT_PRESENT_TRAY_OPEN,
  MODE_PARAMETERS_CHANGED,
} from "./sense.ts";
import type { Nexus } from "./task.ts";

/** An operator asked for what the drive can't do now; the text says what would help. */
export class MediumMoveError extends Error {
  readonly code = "VSCSI_MEDIUM";
}

/** An operator asked for a medium operation of a unit that has no drive of ours. */
export class NoDriveError extends Error {
  readonly code = "VSCSI_NO_DRIVE";
}

/** The drive that a unit is. @throws NoDriveError for one that passes its commands through */
export function driveOf(unit: LogicalUnit): Drive {
  if (unit instanceof Drive) return unit;
  throw new NoDriveError(
    `${unit.description}: commands go to the device itself, so its medium is changed there; to serve it otherwise, remove the unit and add it anew`,
  );
}

/**
 * A device server whose medium stands in a tray. A drive that is not `removable` never opens it.
 *
 * A medium leaves at once: commands that come later find it gone, those under way end with it, and only then is the
 * store of a medium that was taken away closed. One that comes is ready at once.
 */
export abstract class Drive extends DeviceServer {
  abstract readonly transfers: TransferPool;
  readonly tray = new Tray();
  readonly prevention = new RemovalPrevention();
  readonly mediaEvents = new MediaEvents();

  /** A store as a medium that fits this drive: cut into blocks of its size. */
  abstract mediumOf(store: BlockStore, readOnly: boolean): Medium;

  override get absence() {
    return this.tray.open ? MEDIUM_NOT_PRESENT_TRAY_OPEN : MEDIUM_NOT_PRESENT_TRAY_CLOSED;
  }

  override reset(then: () => void): void {
    this.prevention.clear();
    super.reset(then);
  }

  override nexusOpened(nexus: Nexus): void {
    this.mediaEvents.opened(nexus);
    super.nexusOpened(nexus);
  }

  override nexusLost(nexus: Nexus): void {
    this.prevention.lost(nexus);
    this.mediaEvents.lost(nexus);
    super.nexusLost(nexus);
  }

  override get description(): string {
    const { open, lying } = this.tray;
    if (!open) return super.description;
    return lying === NO_MEDIUM ? "tray open" : `tray open, in it ${lying.store.description}`;
  }

  override async close(): Promise<void> {
    await Promise.all([this.tray.lying.store.close(), super.close()]);
  }

  /** Opens the tray; what was in the drive lies in it. The caller has asked `prevention`. */
  moveTrayOut(): void {
    if (this.tray.open) return;
    this.tray.moveOut(this.medium);
    this.exchangeMedium(NO_MEDIUM);
    this.mediaEvents.raise(MEDIA_EVENT_REMOVAL);
  }

  /** Closes the tray; the drive has what lay in it. @param by who asked, and need not be told */
  moveTrayIn(by?: Nexus): void {
    if (!this.tray.open) return;
    this.exchangeMedium(this.tray.moveIn());
    if (this.medium !== NO_MEDIUM) this.#tellArrival(by);
  }

  /**
   * Operator: opens the tray and takes the medium away. Resolves when its store is closed.
   * @param force also against an initiator's prevention
   * @throws MediumMoveError when the drive is fixed or occupied, or removal is prevented: initiators then see an eject request
   */
  async ejectMedium(force = false): Promise<void> {
    if (!this.tray.open) this.#checkOperator(force);
    this.moveTrayOut();
    const taken = this.tray.lying;
    this.tray.moveOut(NO_MEDIUM);
    await this.#retire(taken);
  }

  /**
   * Operator: puts a medium in, in the place of what is there, and closes the tray. The medium is the drive's from then
   * on; it is ready when this returns, and the promise resolves when the store of the old one is closed.
   * @param force also against an initiator's prevention
   * @throws MediumMoveError as `ejectMedium`, or when the medium has no block; it stays the caller's then
   */
  async loadMedium(medium: Medium, force = false): Promise<void> {
    if (medium.blockCount === 0) throw new MediumMoveError(`${medium.store.description}: holds no whole block`);
    if (!this.tray.open) this.#checkOperator(force);
    const taken = this.tray.open ? this.tray.moveIn() : this.medium;
    this.exchangeMedium(medium);
    this.#tellArrival();
    await this.#retire(taken);
  }

  /**
   * Operator: takes over the capacity that the store has by now, or gives it another one.
   * @param size bytes
   * @throws MediumMoveError; what the store throws
   */
  resizeMedium(size?: number): void {
    const { medium } = this;
    this.#checkFree();
    if (medium === NO_MEDIUM) throw new MediumMoveError("there is no medium in it");
    if (medium.store.resize === undefined)
      throw new MediumMoveError(`a store of the kind "${medium.store.kind}" has one size`);
    medium.store.resize(size);
    const resized = this.mediumOf(medium.store, medium.readOnly);
    this.exchangeMedium(resized);
    if (resized.blockCount !== medium.blockCount) this.attention(CAPACITY_DATA_CHANGED);
  }

  /**
   * Operator: has `work` put other bytes in the place of the medium's. Initiators are told of another medium.
   * @param force also when there are initiators, who may have parts of the old one in their caches
   * @throws MediumMoveError; what `work` throws
   */
  async replaceContents(work: () => Promise<void>, force: boolean): Promise<void> {
    this.#checkFree();
    if (this.medium === NO_MEDIUM) throw new MediumMoveError("there is no medium in it");
    if (this.attentions.hasNexuses && !force)
      throw new MediumMoveError(
        "initiators are logged in, and may have it in use: take it from them first, or use force",
      );
    await work();
    this.attention(MEDIUM_MAY_HAVE_CHANGED);
  }

  /** Operator: protects the medium from being written, or no longer. @throws MediumMoveError */
  protectMedium(readOnly: boolean): void {
    const { medium } = this;
    this.#checkFree();
    if (medium === NO_MEDIUM) throw new MediumMoveError("there is no medium in it");
    if (medium.readOnly === readOnly) return;
    const changed = this.mediumOf(medium.store, readOnly);
    if (changed.readOnly !== readOnly)
      throw new MediumMoveError(
        `${medium.store.description} was opened for reading only: load it again to write to it`,
      );
    this.exchangeMedium(changed);
    // The write protect bit is part of the mode parameter header. [SPC-4] 7.5.5
    this.attention(MODE_PARAMETERS_CHANGED);
  }

  #checkFree(): void {
    if (this.occupation !== undefined)
      throw new MediumMoveError(`it can't be now: ${this.occupation.condition.name.toLowerCase()}`);
  }

  #checkOperator(force: boolean): void {
    this.#checkFree();
    if (!this.removable) throw new MediumMoveError("its medium is fixed");
    if (this.occupation !== undefined) throw new MediumMoveError("SANITIZE or FORMAT UNIT has the medium for itself");
    if (force || !this.prevention.ofOperator) return;
    this.mediaEvents.raise(MEDIA_EVENT_EJECT_REQUEST);
    throw new MediumMoveError("an initiator prevents medium removal: let it eject, or use force");
  }

  #tellArrival(except?: Nexus): void {
    this.notReady = undefined;
    this.attention(MEDIUM_MAY_HAVE_CHANGED, except);
    this.mediaEvents.raise(MEDIA_EVENT_NEW_MEDIA);
  }

  async #retire({ store }: Medium): Promise<void> {
    await new Promise<void>((resolve) => this.taskSet.whenIdle(resolve));
    await store.close();
  }
}
