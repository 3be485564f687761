/** An operator asked of an overlay what can't be done now; the text says why. */
export class OverlayError extends Error {
  readonly code = "VSCSI_OVERLAY";
}
