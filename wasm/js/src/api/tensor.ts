/** Tensors: an element type, a shape and the elements in row-major order. */

import { arrayLength, arrayType, checkedDType, dtypeOfArray, holds, type DataTypes, type DType } from "./dtype.js";
import { element, elementsOf, encoded, shown } from "./elements.js";
import { OrtletError, invalidArgument, tensorMismatch } from "./errors.js";
import { shapeText } from "./value_info.js";

/** What a tensor's elements are as values of JavaScript's. */
export type Element<D extends DType> = D extends "string"
  ? string
  : D extends "bool"
    ? boolean
    : D extends "int64" | "uint64"
      ? bigint
      : number;

/** Elements in as many lists in each other as there are dimensions. */
export type Nested<T> = T | readonly Nested<T>[];

/** Said by our own code of data whose type and length are known to fit. */
export const CHECKED: unique symbol = Symbol("checked");

const MAX_RANK = 64;

/**
 * A tensor. It does not copy the array that it is made of.
 *
 * Elements lie in `data`: a typed array, an array of texts for `string`. `bool` is a `Uint8Array` of 0 and 1, `int64` a
 * `BigInt64Array`, `float16` a `Uint16Array` of the numbers' bits or a `Float16Array`; `int4` and `uint4` are packed,
 * two in a byte of a `Uint8Array`, the first in the low half.
 */
export class Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: DataTypes[D];

  /**
   * @param dtype - the element type
   * @param data - its array, or numbers and the like, from which an array is made
   * @param shape - the dimensions, outermost first; one dimension if absent
   */
  constructor(
    dtype: D,
    data: DataTypes[D] | readonly (number | bigint | boolean | string)[],
    shape?: readonly number[],
  );
  /** @internal */
  constructor(dtype: D, data: DataTypes[D], shape: readonly number[], checked: typeof CHECKED);
  constructor(dtype: D, data: unknown, shape?: readonly number[], checked?: typeof CHECKED) {
    this.dtype = dtype;
    if (checked === CHECKED) {
      this.shape = shape as readonly number[];
      this.data = data as DataTypes[D];
      return;
    }
    checkedDType(dtype);
    const length = (data as ArrayLike<unknown>)?.length;
    this.shape = shape === undefined ? [length] : checkedShape(shape);
    this.data = arrayOf("data", dtype, data, this.shape) as DataTypes[D];
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** The elements in nested arrays; the element itself if there are no dimensions. */
  toNested(): Nested<Element<D>> {
    let values: unknown[] = elementsOf(this.dtype, this.data, this.size);
    if (this.shape.length === 0) return values[0] as Element<D>;
    for (let at = this.shape.length - 1; at > 0; at--) {
      values = grouped(values, this.shape[at] as number, sizeOf(this.shape.slice(0, at)));
    }
    return values as Nested<Element<D>>;
  }

  /** The only element. */
  item(): Element<D> {
    if (this.size !== 1) throw invalidArgument("tensor", `has ${this.size} elements, not one`);
    return element(this.dtype, this.data, 0) as Element<D>;
  }

  /** Type and shape, for example `float32[1, 3]`. */
  toString(): string {
    return `${this.dtype}${shapeText(this.shape)}`;
  }
}

function grouped(values: unknown[], size: number, count: number): unknown[] {
  return Array.from({ length: count }, (_, at) => values.slice(at * size, (at + 1) * size));
}

/** The product of the sizes. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (let at = 0; at < shape.length; at++) size *= shape[at] as number;
  return size;
}

/** A shape of the caller's, which has to be sizes. */
export function checkedShape(shape: unknown, title = "a tensor"): readonly number[] {
  if (!Array.isArray(shape)) throw invalidArgument("shape", "has to be an array of sizes");
  if (shape.length > MAX_RANK) throw limitExceeded("rank", MAX_RANK, shape.length);
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 0) {
      throw invalidArgument("shape", `${String(size)} is no size: a whole number that is not negative`);
    }
  }
  const count = sizeOf(shape);
  if (!Number.isSafeInteger(count)) throw limitExceeded(`elements of ${title}`, Number.MAX_SAFE_INTEGER, count);
  return shape as readonly number[];
}

/** A bound that protects the process would be passed. */
export function limitExceeded(what: string, limit: number, actual: number): OrtletError {
  const message = `limit exceeded: ${what} is ${actual}, at most ${limit} are allowed`;
  return new OrtletError("limit_exceeded", message, { what, limit_count: limit, actual_count: actual });
}

/** The data as an array of the type, of the length that the shape asks for; copied only if it is no such array. */
export function arrayOf(name: string, dtype: DType, data: unknown, shape: readonly number[]): DataTypes[DType] {
  const length = arrayLength(dtype, sizeOf(shape));
  const array = ArrayBuffer.isView(data) ? viewOf(name, dtype, data, shape) : listOf(name, dtype, data, shape);
  if (array.length !== length) {
    const values = arrayLength(dtype, 2) === 1 ? "bytes" : "elements";
    throw tensorMismatch(name, `${length} ${values} for ${dtype}${shapeText(shape)}`, `${array.length}`);
  }
  return array;
}

function viewOf(name: string, dtype: DType, data: ArrayBufferView, shape: readonly number[]): DataTypes[DType] {
  const kind = dtypeOfArray(data);
  if (kind === undefined || !holds(kind, dtype)) {
    const actual = kind === undefined ? "a DataView" : `${kind}${shapeText(shape)}`;
    throw tensorMismatch(name, `${dtype}${shapeText(shape)}`, actual);
  }
  // The same memory in the array that engines know.
  if (data instanceof Uint8ClampedArray) return new Uint8Array(data.buffer, data.byteOffset, data.length);
  return data as DataTypes[DType];
}

function listOf(name: string, dtype: DType, data: unknown, shape: readonly number[]): DataTypes[DType] {
  if (!Array.isArray(data)) {
    throw tensorMismatch(name, `an array of ${dtype}`, data === null ? "null" : typeof data);
  }
  return fromElements(name, dtype, data, sizeOf(shape));
}

/** An array of single elements. */
export function fromElements(name: string, dtype: DType, values: readonly unknown[], count: number): DataTypes[DType] {
  if (values.length !== count) throw tensorMismatch(name, `${count} elements`, `${values.length}`);
  if (dtype === "string") {
    for (const value of values) if (typeof value !== "string") throw tensorMismatch(name, "string", shown(value));
    return values as string[];
  }
  const Type = arrayType(dtype);
  const array = new Type(arrayLength(dtype, count)) as unknown as Record<number, number | bigint>;
  for (let at = 0; at < values.length; at++) put(name, dtype, array, at, values[at]);
  return array as unknown as DataTypes[DType];
}

function put(name: string, dtype: DType, array: Record<number, number | bigint>, at: number, value: unknown): void {
  const bits = encoded(name, dtype, value);
  if (dtype !== "int4" && dtype !== "uint4") {
    array[at] = bits;
    return;
  }
  const byte = at >> 1;
  array[byte] = (array[byte] as number) | ((bits as number) << ((at & 1) * 4));
}
