import {
  H_COPY_RDMA,
  H_ENABLE_CRQ,
  H_FREE_CRQ,
  H_GET_TCE,
  H_PUT_TCE,
  H_PUT_TCE_INDIRECT,
  H_REG_CRQ,
  H_SEND_CRQ,
  H_STUFF_TCE,
  H_VIO_SIGNAL,
} from "../abi/papr.ts";
import type { Hypervisor } from "./hypervisor.ts";
import type { Partition } from "./partition.ts";

/** What a call leaves in the registers: r3, and r4 on. */
export interface CallResult {
  readonly code: number;
  readonly outputs: readonly bigint[];
}

/** One hypervisor call. */
export interface HypervisorCall {
  readonly token: number;
  readonly name: string;
  run(hypervisor: Hypervisor, partition: Partition, registers: readonly bigint[]): CallResult;
}

/** The arguments of a call, register by register: 64-bit, missing ones are 0. */
class Registers {
  readonly #values: readonly bigint[];
  constructor(values: readonly bigint[]) {
    this.#values = values;
  }
  /** The whole register, unsigned; exact below 2^53, and never below that by rounding. */
  number(index: number): number {
    return Number(BigInt.asUintN(64, this.#values[index] ?? 0n));
  }
  signed(index: number): number {
    return Number(BigInt.asIntN(64, this.#values[index] ?? 0n));
  }
  high(index: number): number {
    return Number(BigInt.asUintN(32, (this.#values[index] ?? 0n) >> 32n));
  }
  low(index: number): number {
    return Number(BigInt.asUintN(32, this.#values[index] ?? 0n));
  }
}

type Run = (hypervisor: Hypervisor, partition: Partition, registers: Registers) => number | CallResult;

function row(token: number, name: string, run: Run): HypervisorCall {
  return {
    token,
    name,
    run(hypervisor, partition, values) {
      const result = run(hypervisor, partition, new Registers(values));
      return typeof result === "number" ? { code: result, outputs: [] } : result;
    },
  };
}

const ROWS: readonly HypervisorCall[] = [
  row(H_GET_TCE, "H_GET_TCE", ({ tce }, partition, r) => {
    const { code, tce: entry } = tce.get(partition, r.number(0), r.high(1), r.low(1));
    return { code, outputs: [(BigInt(entry.high) << 32n) | BigInt(entry.low)] };
  }),
  row(H_PUT_TCE, "H_PUT_TCE", ({ tce }, partition, r) =>
    tce.put(partition, r.number(0), r.high(1), r.low(1), r.high(2), r.low(2)),
  ),
  row(H_STUFF_TCE, "H_STUFF_TCE", ({ tce }, partition, r) =>
    tce.stuff(partition, r.number(0), r.high(1), r.low(1), r.high(2), r.low(2), r.number(3)),
  ),
  row(H_PUT_TCE_INDIRECT, "H_PUT_TCE_INDIRECT", ({ tce }, partition, r) =>
    tce.putIndirect(partition, r.signed(0), r.high(1), r.low(1), r.number(2), r.number(3)),
  ),
  row(H_REG_CRQ, "H_REG_CRQ", ({ crq }, partition, r) =>
    crq.register(partition, r.number(0), r.number(1), r.number(2)),
  ),
  row(H_FREE_CRQ, "H_FREE_CRQ", ({ crq }, partition, r) => crq.free(partition, r.number(0))),
  row(H_SEND_CRQ, "H_SEND_CRQ", ({ crq }, partition, r) =>
    crq.send(partition, r.number(0), r.high(1), r.low(1), r.high(2), r.low(2)),
  ),
  row(H_VIO_SIGNAL, "H_VIO_SIGNAL", ({ crq }, partition, r) => crq.signal(partition, r.number(0), r.number(1))),
  row(H_ENABLE_CRQ, "H_ENABLE_CRQ", ({ crq }, partition, r) => crq.enable(partition, r.number(0))),
  row(H_COPY_RDMA, "H_COPY_RDMA", ({ rdma }, partition, r) =>
    rdma.copy(partition, r.number(0), r.number(1), r.high(2), r.low(2), r.number(3), r.high(4), r.low(4)),
  ),
];

/** Every call that the hypervisor knows, by token; others give H_FUNCTION. [LoPAR] ch_lpar_option. */
export const HYPERVISOR_CALLS: ReadonlyMap<number, HypervisorCall> = new Map(ROWS.map((call) => [call.token, call]));
