// @ts-check
// What is inside of the model.

import { byId, byteSize, counted, element } from "./dom.js";

const panel = byId("model", HTMLDivElement);

/** @param {import("ortlet").ModelReport} report */
export function show(report) {
  const facts = element("dl", "facts");
  const add = (/** @type {string} */ name, /** @type {Node | string} */ value) =>
    facts.append(element("dt", "", name), element("dd", "", value));
  for (const value of report.inputs) add("input", element("code", "", typeOf(value)));
  for (const value of report.outputs) add("output", element("code", "", typeOf(value)));
  add("file", byteSize(report.total_bytes));
  add("parameters", report.parameter_count.toLocaleString("en"));
  const domains = Object.entries(report.opsets);
  add("operator set", domains.map(([domain, version]) => (domain === "ai.onnx" ? version : `${domain} ${version}`)).join(", "));
  add("quantized", report.quantization.schemes.map((scheme) => scheme.kind).join(", ") || "no");
  add("made by", `${report.producer_name} ${report.producer_version}`.trim() || "unknown");
  add("operators", counted(report.node_count, "node"));
  const chips = element("ul", "chips");
  const operators = Object.entries(report.op_type_counts).sort(([, a], [, b]) => b - a);
  for (const [name, count] of operators) chips.append(element("li", "", element("code", "", `${name} ${count}`)));
  panel.replaceChildren(facts, chips);
}

/** @param {import("ortlet").ValueInfo} value */
function typeOf(value) {
  const dims = (value.shape ?? []).map((dim) => dim ?? "?").join(", ");
  return `${value.name} ${value.dtype ?? value.kind}[${dims}]`;
}
