import { TCE_READ, TCE_WRITE } from "../../../src/abi/papr.ts";
import { WINDOW_CUT, WINDOW_GENERATION, WINDOW_STATE } from "../../../src/abi/records.ts";
import { PAGE } from "../../core/side.ts";
import { command, decode, direct, fill, mapPages, type Scenario } from "./scenario.ts";

export const WINDOWS: readonly Scenario[] = [
  {
    name: "tce-translate",
    title: "Neighbouring pages are joined; rights, the window's end and the partition's end are held",
    run(side, core) {
      mapPages(side);
      const { window, data } = side;
      core.tce_translate(window, 0, 0x0123, 0x2800, TCE_READ, data, 8);
      core.tce_translate(window, 0, 7 * PAGE + 100, PAGE, TCE_WRITE, data, 8);
      core.tce_translate(window, 0, 0, 0, TCE_READ, data, 8);
      core.tce_translate(window, 0, 8 * PAGE, 2 * PAGE, TCE_READ | TCE_WRITE, data, 8);
      core.tce_translate(window, 0, 11 * PAGE, 1, TCE_READ, data, 8);
      core.tce_translate(window, 0, 7 * PAGE, 2 * PAGE, TCE_READ, data, 1);
      core.tce_translate(window, 0, 31 * PAGE, PAGE + 1, TCE_READ, data, 8);
      core.tce_translate(window, 1, 0, 1, TCE_READ, data, 8);
      core.tce_translate(window, 0xffffffff, 0xfffff000, 0x2000, TCE_READ, data, 8);
      side.set(window + WINDOW_STATE, WINDOW_CUT);
      core.tce_translate(window, 0, 0, 16, TCE_READ, data, 8);
    },
  },
  {
    name: "rdma-copy",
    title: "H_COPY_RDMA within a window, and to and from the server's own memory, across pages and against rights",
    run(side, core) {
      mapPages(side);
      const { window, data } = side;
      fill(side, data, 0x1800, 3);
      core.rdma_write(window, 0, 0x0f80, data, 0x1100);
      core.rdma_copy(0x1100, window, 0, 0x0f80, window, 0, 0x7ff0);
      core.rdma_read(window, 0, 0x7ff0, data + 0x4000, 0x1100);
      core.rdma_write(window, 0, 9 * PAGE - 16, data, 32);
      core.rdma_read(window, 0, 10 * PAGE, data, 16);
      core.rdma_copy(16, window, 0, 0, window, 0, 9 * PAGE);
      core.rdma_copy(16, window, 0, 32 * PAGE, window, 0, 0);
      core.rdma_copy(16, window, 0, 0, window, 0, 32 * PAGE - 8);
      core.rdma_write(window, 0, 32 * PAGE, data, 1);
      core.rdma_read(window, 1, 0, data, 1);
      core.rdma_copy(0, window, 0, 0, window, 0, 0);
    },
  },
  {
    name: "slot-copy",
    title: "Data to and from a slot's buffer, as it was translated and after the TCEs have changed",
    run(side, core) {
      mapPages(side);
      const { data, records, window } = side;
      const slot = records.slot(0);
      fill(side, data, 0x3000, 5);
      decode(side, core, command("01", "0000", "28000000080000000800", direct(0x7800, 0x1000)));
      core.scatter(records.address, slot, 0, data, 0x1000);
      core.scatter(records.address, slot, 0x7f0, data + 0x100, 0x20);
      core.scatter(records.address, slot, 0x800, data, 0x801);
      core.data_in_address(records.address, slot, 0x800);
      core.data_in_address(records.address, slot, 0x801);
      core.gather(records.address, slot, 0, data, 16);
      side.map(8, 12, TCE_READ | TCE_WRITE);
      side.set(window + WINDOW_GENERATION, 1);
      core.scatter(records.address, slot, 0x700, data, 0x400);
      core.data_in_address(records.address, slot, 0x800);
      decode(side, core, command("10", "0000", "2a000000080000000800", direct(0x9000, 0x800)));
      core.gather(records.address, slot, 0x10, data + 0x4000, 0x7f0);
      core.scatter(records.address, slot, 0, data, 16);
      core.data_in_address(records.address, slot, 0x10);
      side.set(window + WINDOW_STATE, WINDOW_CUT);
      core.gather(records.address, slot, 0, data, 16);
    },
  },
];
