/** A disk that QEMU's built-in server offers, for comparison with ours. */
export interface BuiltInDisk {
  /** A raw image. */
  path: string;
  /** Which of the guest's adapters, as an index into `units`; the first by default. */
  unit?: number;
  /** QEMU's cache mode: "writeback" by default. */
  cache?: "writeback" | "none" | "writethrough" | "directsync" | "unsafe";
}

export interface QemuGuest {
  /** What QEMU puts into the guest's memory; without it the firmware boots from one of the guest's disks. */
  linux?: { kernel: string; initramfs: string } | undefined;
  memoryMiB: number;
  /** Unit addresses of the guest's client adapters, as "0x71000003". */
  units: readonly string[];
  /** The bridge and its arguments: path, "socket=…", "unit=…". */
  plugin?: readonly string[];
  builtInDisks?: readonly BuiltInDisk[];
  /** The command line of `linux`. */
  append?: string;
}

/** A pseries without the mitigations that TCG has not: QEMU would warn about each. */
const MACHINE = "pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off";
/**
 * A panic ends QEMU at once (with -no-reboot) instead of leaving it halted. Linux waits two RCU grace periods (70 ms) for
 * each absent target: with one channel (bus) instead of four the scan of an adapter takes 5 s, not 18.
 */
const KERNEL_COMMAND_LINE = "console=hvc0 panic=-1 ibmvscsi.max_channel=0";

/**
 * The arguments of `qemu-system-ppc64` for a guest with its console on standard input and output. Ctrl-C goes to the
 * guest; Ctrl-A X ends QEMU.
 */
export function qemuArguments(guest: QemuGuest): string[] {
  const { linux, memoryMiB, units, plugin = [], builtInDisks = [], append = KERNEL_COMMAND_LINE } = guest;
  return [
    ["-M", MACHINE],
    ["-m", `${memoryMiB}`],
    ["-nodefaults", "-nographic", "-no-reboot"],
    ["-chardev", "stdio,id=console,mux=on,signal=off", "-serial", "chardev:console"],
    linux === undefined ? [] : ["-kernel", linux.kernel, "-initrd", linux.initramfs, "-append", append],
    ...units.map((unit, index) => ["-device", `spapr-vscsi,id=vscsi${index},reg=${unit}`]),
    plugin.length > 0 ? ["-plugin", plugin.map(escapeCommas).join(",")] : [],
    ...builtInDisks.map(builtInDisk),
  ].flat();
}

function builtInDisk({ path, unit = 0, cache = "writeback" }: BuiltInDisk, index: number): string[] {
  return [
    "-drive",
    `file=${escapeCommas(path)},format=raw,if=none,id=disk${index},cache=${cache}`,
    "-device",
    `scsi-hd,bus=vscsi${unit}.0,drive=disk${index}`,
  ];
}

/** In QEMU's option lists a comma ends a value, and two stand for one. */
function escapeCommas(value: string): string {
  return value.replaceAll(",", ",,");
}
