import type { DeviceTreeNode } from "./device-tree.ts";
import type { PropertyValue } from "./property-value.ts";

/** Prints a device tree as source. [Devicetree] Specification v0.4, clause 6, Devicetree Source (DTS) Format. */
export function printDeviceTree(root: DeviceTreeNode): string {
  return `/dts-v1/;\n\n${printNode(root, "")}`;
}

function printNode(node: DeviceTreeNode, indent: string): string {
  const inner = `${indent}\t`;
  const properties = [...node.properties].map(([name, value]) => `${inner}${name}${printValue(value)};\n`);
  const children = node.children.map((child) => `\n${printNode(child, inner)}`);
  return `${indent}${node.name || "/"} {\n${properties.join("")}${children.join("")}${indent}};\n`;
}

function printValue(value: PropertyValue): string {
  switch (value.kind) {
    case "empty":
      return "";
    case "strings":
      return ` = ${value.strings.map(quote).join(", ")}`;
    case "cells":
      return ` = <${value.cells.map((cell) => `0x${cell.toString(16).padStart(2, "0")}`).join(" ")}>`;
  }
}

function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
