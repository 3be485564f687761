import { type Directory, directory } from "../../config/tree.ts";
import type { TreeContext } from "./context.ts";
import { driverNode } from "./driver-node.ts";
import { hypervisorNode } from "./hypervisor-node.ts";

/** The tree of a daemon: the original driver's place in sysfs, and beside it what it had not. */
export function buildTree(context: TreeContext): Directory {
  return directory("the configuration of the daemon", {
    bus: directory("as in sysfs", {
      vio: directory("the bus of virtual devices", {
        drivers: directory("its drivers", { ibmvscsis: driverNode(context) }),
      }),
    }),
    hypervisor: hypervisorNode(context.partitions),
  });
}
