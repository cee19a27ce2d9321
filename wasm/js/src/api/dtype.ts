/** Element types: their names, the arrays that hold them, and which of them an engine in JavaScript has. */

import { unsupported } from "./errors.js";

/** The array that holds elements of each type. */
export interface DataTypes {
  float32: Float32Array;
  float64: Float64Array;
  /** Bits of the numbers; a `Float16Array` where the platform has it. */
  float16: Uint16Array | Float16Data;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  /** 0 or 1. */
  bool: Uint8Array;
  string: string[];
  /** Two in a byte, the first in the low half. */
  int4: Uint8Array;
  /** Two in a byte, the first in the low half. */
  uint4: Uint8Array;
}

/** What a `Float16Array` offers; not every platform has that type. */
export interface Float16Data extends ArrayBufferView {
  readonly length: number;
  readonly BYTES_PER_ELEMENT: number;
  readonly [Symbol.toStringTag]: "Float16Array";
  [index: number]: number;
  [Symbol.iterator](): IterableIterator<number>;
}

/** An element type that tensors can have here. The names are those of every language. */
export type DType = keyof DataTypes;

/** Makes the array of a type; `undefined` for texts. */
export interface ArrayType {
  new (length: number): ArrayBufferView & ArrayLike<number | bigint>;
  new (buffer: ArrayBufferLike, offset: number, length: number): ArrayBufferView & ArrayLike<number | bigint>;
}

const ARRAYS: Record<DType, unknown> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
  string: undefined,
  int4: Uint8Array,
  uint4: Uint8Array,
};

/** By the name that an array has for `Object.prototype.toString`, which holds for arrays of other frames too. */
const OF_ARRAY: Record<string, DType> = {
  Float32Array: "float32",
  Float64Array: "float64",
  Float16Array: "float16",
  Int8Array: "int8",
  Int16Array: "int16",
  Int32Array: "int32",
  BigInt64Array: "int64",
  Uint8Array: "uint8",
  Uint8ClampedArray: "uint8",
  Uint16Array: "uint16",
  Uint32Array: "uint32",
  BigUint64Array: "uint64",
};

export function isDType(name: string): name is DType {
  return Object.hasOwn(ARRAYS, name);
}

/** The type of that name, which has to be one that tensors can have here. */
export function checkedDType(name: unknown): DType {
  if (typeof name === "string" && isDType(name)) return name;
  throw unsupported(`element type \`${String(name)}\``, `engines in JavaScript have ${Object.keys(ARRAYS).join(", ")}`);
}

export function arrayType(dtype: DType): ArrayType {
  return ARRAYS[dtype] as ArrayType;
}

/** The type that an array seems to have, as long as nobody says otherwise; `undefined` for a `DataView`. */
export function dtypeOfArray(array: ArrayBufferView): DType | undefined {
  return OF_ARRAY[(array as unknown as { readonly [Symbol.toStringTag]: string })[Symbol.toStringTag]];
}

/** Whether an array of one kind holds elements of a type as they are. */
export function holds(array: DType, dtype: DType): boolean {
  if (array === dtype) return true;
  if (array === "uint8") return dtype === "bool" || dtype === "int4" || dtype === "uint4";
  return array === "uint16" && dtype === "float16";
}

/** Elements of an array that so many elements of a type take. */
export function arrayLength(dtype: DType, count: number): number {
  return dtype === "int4" || dtype === "uint4" ? Math.ceil(count / 2) : count;
}

/** The largest and smallest whole number of a type; `undefined` for other types. */
export function rangeOf(dtype: DType): readonly [bigint, bigint] | undefined {
  const parts = /^(u?)int(\d+)$/.exec(dtype);
  if (parts === null) return undefined;
  const bits = BigInt(parts[2] as string);
  return parts[1] === "u" ? [0n, (1n << bits) - 1n] : [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
}
