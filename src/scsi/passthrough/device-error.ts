/** A device that can't be served; the message names it and says what to do. */
export class DeviceError extends Error {
  readonly code = "VSCSI_DEVICE";
  /** Name of the error number that a system call gave for it. */
  readonly errno: string | undefined;

  constructor(message: string, errno?: string) {
    super(message);
    this.errno = errno;
  }
}
