import { CRQ_ENTRY_SIZE } from "../../abi/crq.ts";
import { QUEUE_LENGTH } from "../../abi/records.ts";
import { type AttributeRows, rowsDirectory } from "../../config/attribute-rows.ts";
import { type Attribute, type Directory, directory, type TreeNode } from "../../config/tree.ts";
import { type DeviceTreeNode, partitionDeviceTree } from "../../papr/device-tree.ts";
import type { Partition } from "../../papr/partition.ts";
import { type PropertyValue, propertyBytes } from "../../papr/property-value.ts";
import type { VirtualAdapter } from "../../papr/virtual-adapter.ts";
import type { LocalPartitions } from "../local-partitions.ts";

/** What the device tree says the machine is. */
const MACHINE = { model: "vscsi-target", systemId: "local" };
const QUEUE_STATES: readonly string[] = ["closed", "open", "disabled"];
/** Properties show what they are by their name; the standard says the rest. */
const PROPERTY = { what: "a property of the device tree, in the bytes that an operating system is given" };

interface PartitionSubject {
  readonly partitions: LocalPartitions;
  readonly partition: Partition;
}

/** `hypervisor/`: the partitions in the daemon's own process. Those of a QEMU are QEMU's to show. */
export function hypervisorNode(partitions: LocalPartitions): Directory {
  return directory("the hypervisor of the partitions in the daemon's own process; a QEMU guest has QEMU for that", {
    partitions: numberedDirectory(
      "partitions, by number",
      () => partitions.partitions,
      (partition) => partitionNode({ partitions, partition }),
    ),
  });
}

const PARTITION_ATTRIBUTES: AttributeRows<PartitionSubject> = {
  name: { doc: { what: "ibm,partition-name" }, show: ({ partition }) => partition.name },
  memory: {
    doc: { what: "logical memory", unit: "bytes" },
    show: ({ partition }) => String(partition.memorySize),
  },
};

function partitionNode(subject: PartitionSubject): Directory {
  const { partition, partitions } = subject;
  const adapters = numberedDirectory(
    "its virtual SCSI adapters, by unit address",
    () => partition.adapters,
    (adapter) => rowsDirectory("a virtual SCSI adapter", VIRTUAL_ADAPTER_ATTRIBUTES, adapter),
    16,
  );
  return rowsDirectory("a logical partition", PARTITION_ATTRIBUTES, subject, {
    list: () => ["adapters", "devicetree"],
    lookup: (name) => {
      if (name === "adapters") return adapters;
      if (name !== "devicetree") return undefined;
      return deviceTreeNode(partitionDeviceTree(partitions.hypervisor, partition, MACHINE));
    },
  });
}

const VIRTUAL_ADAPTER_ATTRIBUTES: AttributeRows<VirtualAdapter> = {
  kind: { doc: { what: "client or server" }, show: ({ kind }) => kind },
  partner: {
    doc: { what: "the adapter it is wired to: unit address, and the number of that partition behind the @" },
    show: ({ partner }) => (partner ? `${partner.unitAddress.toString(16)}@${partner.partition.number}` : ""),
  },
  queue_state: {
    doc: { what: "its command/response queue: closed, open, or disabled until H_ENABLE_CRQ" },
    show: ({ queueState }) => QUEUE_STATES[queueState] ?? String(queueState),
  },
  queue_size: {
    doc: { what: "of its registered command/response queue", unit: "entries" },
    show: (adapter) => String(Math.floor(adapter.queueField(QUEUE_LENGTH) / CRQ_ENTRY_SIZE)),
  },
  interrupt: {
    doc: { what: "interrupt source number" },
    show: ({ interruptSource }) => String(interruptSource),
  },
  liobn: {
    doc: { what: "logical I/O bus number of its DMA window, in hexadecimal" },
    show: ({ window }) => window.liobn.toString(16),
  },
  window_size: { doc: { what: "of that window", unit: "bytes" }, show: ({ window }) => String(window.size) },
  remote_liobn: {
    doc: { what: "logical I/O bus number by which a server reaches its client's window, in hexadecimal" },
    show: ({ remote }) => remote?.liobn.toString(16) ?? "",
  },
};

/** A node of the device tree: properties are attributes, as below a client's /proc/device-tree. */
function deviceTreeNode({ properties, children }: DeviceTreeNode): Directory {
  const nodes = children.map((child): [string, TreeNode] => [child.name, deviceTreeNode(child)]);
  const attributes = [...properties].map(([name, value]): [string, TreeNode] => [name, propertyNode(value)]);
  return directory("a node of the device tree", Object.fromEntries([...attributes, ...nodes]));
}

function propertyNode(value: PropertyValue): Attribute {
  return { kind: "attribute", doc: PROPERTY, show: () => Uint8Array.from(propertyBytes(value)) };
}

/** A directory of things that come and go, by their numbers. */
function numberedDirectory<Thing>(
  what: string,
  things: () => ReadonlyMap<number, Thing>,
  nodeOf: (thing: Thing) => TreeNode,
  radix = 10,
): Directory {
  return {
    kind: "directory",
    doc: { what },
    list: () => [...things().keys()].map((number) => number.toString(radix)),
    lookup: (name) => {
      const number = Number.parseInt(name, radix);
      const thing = number.toString(radix) === name ? things().get(number) : undefined;
      return thing === undefined ? undefined : nodeOf(thing);
    },
  };
}
