/** Inputs and outputs as a model declares them. */

import type { Info } from "../wasm/interface.js";

/** The name and declared type of an input or output, or of what is in one. */
export type ValueInfo = Info;

/** Declared dimensions: sizes, names of sizes, `null` for any size; `null` if even their number is open. */
export type DeclaredShape = readonly (number | string | null)[] | null;

/** The infos, with sizes for named dimensions, so that nobody can change them. */
export function declared(infos: readonly Info[], dims: Readonly<Record<string, number>> = {}): readonly ValueInfo[] {
  return Object.freeze(infos.map((info) => frozen(info, dims)));
}

function frozen(info: Info, dims: Readonly<Record<string, number>>): ValueInfo {
  const copy: Record<string, unknown> = { ...info };
  const sized = (dim: number | string | null) =>
    typeof dim === "string" && Object.hasOwn(dims, dim) ? (dims[dim] as number) : dim;
  if (info.shape) copy.shape = Object.freeze(info.shape.map(sized));
  if (info.element) copy.element = frozen(info.element, dims);
  if (info.value) copy.value = frozen(info.value, dims);
  return Object.freeze(copy) as unknown as ValueInfo;
}

/** A type in words, for example `float32[batch, 3]`. */
export function typeText(info: Info): string {
  switch (info.kind) {
    case "tensor":
      return `${info.dtype}${shapeText(info.shape ?? null)}`;
    case "sparse_tensor":
      return `sparse(${info.dtype}${shapeText(info.shape ?? null)})`;
    case "sequence":
    case "optional":
      return `${info.kind}(${info.element ? typeText(info.element) : "unknown"})`;
    case "map":
      return `map(${info.key}, ${info.value ? typeText(info.value) : "unknown"})`;
    default:
      return info.kind;
  }
}

/** A shape in words, for example `[batch, 3]`. */
export function shapeText(shape: DeclaredShape): string {
  return shape === null ? "[...]" : `[${shape.map((dim) => dim ?? "?").join(", ")}]`;
}

/** Whether a shape is one that was declared. ONNX Runtime takes any for a declared scalar. */
export function accepts(shape: DeclaredShape, dims: readonly number[]): boolean {
  if (shape === null || shape.length === 0) return true;
  if (shape.length !== dims.length) return false;
  for (let at = 0; at < dims.length; at++) {
    if (typeof shape[at] === "number" && shape[at] !== dims[at]) return false;
  }
  return true;
}

/** The tensor that an input or output is, also if it is optional. */
export function tensorInfo(info: Info): Info | undefined {
  const inner = info.kind === "optional" ? info.element : info;
  return inner?.kind === "tensor" ? inner : undefined;
}
