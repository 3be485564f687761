import type { Hypervisor } from "./hypervisor.ts";
import type { Partition } from "./partition.ts";
import type { PropertyValue } from "./property-value.ts";
import type { VirtualAdapter } from "./virtual-adapter.ts";

export interface DeviceTreeNode {
  /** Node name with its unit address; empty for the root. */
  readonly name: string;
  readonly properties: ReadonlyMap<string, PropertyValue>;
  readonly children: readonly DeviceTreeNode[];
}

/** What the root node says about the machine; serial strings are "<model>-<system-id>". */
export interface MachineIdentity {
  readonly model: string;
  readonly systemId: string;
}

/** Cells of an address and of a size in `ibm,my-dma-window`. */
const DMA_ADDRESS_CELLS = 2;
const DMA_SIZE_CELLS = 2;
/** `interrupts`: second cell of an edge-triggered source. */
const INTERRUPT_EDGE = 0;

/**
 * The device tree that a partition's operating system sees of its virtual devices.
 * [LoPAR] ch_virtual_io, Children of the /vdevice Node; [LoPAR] app_virtual_scsi.
 */
export function partitionDeviceTree(
  hypervisor: Hypervisor,
  partition: Partition,
  identity: MachineIdentity,
): DeviceTreeNode {
  return node(
    "",
    {
      "#address-cells": cells(2),
      "#size-cells": cells(2),
      model: strings(identity.model),
      "system-id": strings(identity.systemId),
      "ibm,partition-name": strings(partition.name),
      "ibm,partition-no": cells(partition.number),
    },
    [vdevice(hypervisor, partition, identity)],
  );
}

function vdevice(hypervisor: Hypervisor, partition: Partition, identity: MachineIdentity): DeviceTreeNode {
  const adapters = [...partition.adapters.values()].sort((a, b) => a.unitAddress - b.unitAddress);
  const sources = adapters.map((adapter) => adapter.interruptSource).sort((a, b) => a - b);
  const maximum = hypervisor.maxVirtualDmaSize;
  return node(
    "vdevice",
    {
      device_type: strings("vdevice"),
      compatible: strings("IBM,vdevice"),
      "#address-cells": cells(1),
      "#size-cells": cells(0),
      "#interrupt-cells": cells(2),
      "interrupt-controller": { kind: "empty" },
      "interrupt-ranges": cells(...sources.flatMap((source) => [source, 1])),
      ...(maximum === undefined ? {} : { "ibm,max-virtual-dma-size": cells(maximum) }),
    },
    adapters.map((adapter) => adapterNode(adapter, identity)),
  );
}

function adapterNode(adapter: VirtualAdapter, identity: MachineIdentity): DeviceTreeNode {
  const { unitAddress, kind } = adapter;
  const common = {
    reg: cells(unitAddress),
    interrupts: cells(adapter.interruptSource, INTERRUPT_EDGE),
    "ibm,#dma-address-cells": cells(DMA_ADDRESS_CELLS),
    "ibm,#dma-size-cells": cells(DMA_SIZE_CELLS),
    "ibm,loc-code": strings(locationCode(adapter, identity)),
    "ibm,my-drc-index": cells(unitAddress),
  };
  const own = windowTriple(adapter.window.liobn, adapter.window.size);
  if (kind === "client") {
    return node(`v-scsi@${unitAddress.toString(16)}`, {
      device_type: strings("vscsi"),
      compatible: strings("IBM,v-scsi"),
      ...common,
      "ibm,my-dma-window": cells(...own),
      "#address-cells": cells(2),
      "#size-cells": cells(0),
    });
  }
  const { remote } = adapter;
  return node(`v-scsi-host@${unitAddress.toString(16)}`, {
    device_type: strings("v-scsi-host"),
    compatible: strings("IBM,v-scsi-host"),
    ...common,
    "ibm,my-dma-window": cells(...own, ...(remote ? windowTriple(remote.liobn, remote.window.size) : [])),
    "ibm,vserver": { kind: "empty" },
  });
}

/** LIOBN, address 0, size. */
function windowTriple(liobn: number, size: number): readonly number[] {
  return [liobn, 0, 0, Math.floor(size / 2 ** 32), size % 2 ** 32];
}

/** `<model>-<system-id>-V<partition>-C<slot>`; the slot is the low half of the unit address. */
function locationCode({ partition, unitAddress }: VirtualAdapter, identity: MachineIdentity): string {
  return `${identity.model}-${identity.systemId}-V${partition.number}-C${unitAddress & 0xffff}`;
}

function node(
  name: string,
  properties: Readonly<Record<string, PropertyValue>>,
  children: readonly DeviceTreeNode[] = [],
): DeviceTreeNode {
  return { name, properties: new Map(Object.entries(properties)), children };
}

function cells(...values: readonly number[]): PropertyValue {
  return { kind: "cells", cells: values };
}

function strings(...values: readonly string[]): PropertyValue {
  return { kind: "strings", strings: values };
}
