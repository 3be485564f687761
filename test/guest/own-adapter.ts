import { systemClock } from "../../src/core/clock.ts";
import { loadCore } from "../../src/core/core.ts";
import { silentLog } from "../../src/core/log.ts";
import { SharedMemory } from "../../src/core/shared-memory.ts";
import { QemuLink } from "../../src/ports/qemu/qemu-link.ts";
import { QemuPort } from "../../src/ports/qemu/qemu-port.ts";
import { ScsiTargetDevice } from "../../src/scsi/target-device.ts";
import { ServerAdapter } from "../../src/target/server-adapter.ts";

const UNIT_ADDRESS = 0x71000003;
const REQUEST_LIMIT = 64;
const SLOTS = REQUEST_LIMIT + 16;

/** A server adapter in the test's own process, so that the test has its logical units at hand while a guest uses them. */
export class OwnAdapter {
  readonly memory: SharedMemory;
  readonly device: ScsiTargetDevice;
  readonly #adapter: ServerAdapter;
  readonly #port: QemuPort;

  private constructor(memory: SharedMemory, device: ScsiTargetDevice, adapter: ServerAdapter, port: QemuPort) {
    this.memory = memory;
    this.device = device;
    this.#adapter = adapter;
    this.#port = port;
  }

  /** Waits for a guest's bridge at `socket`. */
  static async listen(socket: string): Promise<OwnAdapter> {
    const memory = new SharedMemory();
    const link = new QemuLink(memory, loadCore(memory, "wasm"), UNIT_ADDRESS, SLOTS);
    const device = new ScsiTargetDevice(silentLog);
    const adapter = new ServerAdapter({
      link,
      device,
      clock: systemClock,
      log: silentLog,
      requestLimit: REQUEST_LIMIT,
      adapterName: UNIT_ADDRESS.toString(16),
      relativeTargetPort: 1,
      identity: { partitionName: "test", partitionNumber: 0, osType: 3, maxTransfer: 0x10_0000 },
    });
    adapter.start();
    const port = new QemuPort([link], silentLog);
    await port.listen(socket);
    return new OwnAdapter(memory, device, adapter, port);
  }

  async close(): Promise<void> {
    await this.#adapter.stop();
    await this.#port.close();
    await Promise.all([...this.device.logicalUnits.values()].map((unit) => unit.close()));
  }
}
