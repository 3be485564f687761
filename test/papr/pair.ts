import { SharedMemory } from "../../src/core/shared-memory.ts";
import { loadWasmCore } from "../../src/core/wasm.ts";
import { Hypervisor, type HypervisorOptions } from "../../src/papr/hypervisor.ts";
import type { Partition } from "../../src/papr/partition.ts";
import type { VirtualAdapter } from "../../src/papr/virtual-adapter.ts";

export const CLIENT = 0x30000002;
export const SERVER = 0x30000003;
export const CLIENT_LIOBN = 0x10000005;
export const SERVER_LIOBN = 0x10000006;
export const REMOTE_LIOBN = 0x10000007;
export const CLIENT_WINDOW = 0x200000;

export interface Pair {
  readonly memory: SharedMemory;
  readonly hypervisor: Hypervisor;
  readonly client: Partition;
  readonly server: Partition;
  readonly clientAdapter: VirtualAdapter;
  readonly serverAdapter: VirtualAdapter;
}

export interface PairOptions extends Partial<HypervisorOptions> {
  clientWindow?: number;
  clientMemory?: number;
}

/** A hypervisor with a client and a server partition whose adapters are connected. */
export function createPair(options: PairOptions = {}): Pair {
  const memory = options.memory ?? new SharedMemory();
  const hypervisor = new Hypervisor({ memory, core: loadWasmCore(memory), ...options });
  const client = hypervisor.addPartition({
    name: "client-lpar",
    number: 5,
    memorySize: options.clientMemory ?? 0x400000,
  });
  const server = hypervisor.addPartition({ name: "vtarget", number: 1, memorySize: 0x40000 });
  const clientAdapter = hypervisor.addAdapter(client, "client", {
    unitAddress: CLIENT,
    liobn: CLIENT_LIOBN,
    windowSize: options.clientWindow ?? CLIENT_WINDOW,
  });
  const serverAdapter = hypervisor.addAdapter(server, "server", { unitAddress: SERVER, liobn: SERVER_LIOBN });
  hypervisor.connect(serverAdapter, clientAdapter, REMOTE_LIOBN);
  return { memory, hypervisor, client, server, clientAdapter, serverAdapter };
}

/** Maps a page of an adapter's window to a page of its partition. */
export function map({ hypervisor }: Pair, adapter: VirtualAdapter, ioba: number, logical: number, rights = 3): number {
  return hypervisor.tce.put(adapter.partition, adapter.window.liobn, 0, ioba, 0, logical | rights);
}

/** Registers one page at IOBA 0, which is logical address 0. */
export function register(pair: Pair, adapter: VirtualAdapter): number {
  map(pair, adapter, 0, 0);
  return pair.hypervisor.crq.register(adapter.partition, adapter.unitAddress, 0, 0x1000);
}

/** The entry at an index of the queue that {@link register} made, in hexadecimal. */
export function entryAt({ memory }: Pair, adapter: VirtualAdapter, index: number): string {
  const address = adapter.partition.memoryAddress + index * 16;
  return Buffer.from(memory.u8.slice(address, address + 16)).toString("hex");
}
