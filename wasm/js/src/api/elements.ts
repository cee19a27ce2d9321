/** Single elements: what they are in an array's memory, and what they are as values of JavaScript's. */

import { rangeOf, type DataTypes, type DType } from "./dtype.js";
import { invalidArgument, tensorMismatch } from "./errors.js";
import { fromHalf, toHalf } from "./half.js";

/** What an array holds for a value. */
export function encoded(name: string, dtype: DType, value: unknown): number | bigint {
  switch (dtype) {
    case "bool":
      if (typeof value !== "boolean") throw tensorMismatch(name, dtype, shown(value));
      return value ? 1 : 0;
    case "float32":
    case "float64":
      return numberOf(name, dtype, value);
    case "float16":
      return toHalf(numberOf(name, dtype, value));
    case "string":
      throw tensorMismatch(name, dtype, shown(value));
    default:
      return wholeNumber(name, dtype, value);
  }
}

function numberOf(name: string, dtype: DType, value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  throw tensorMismatch(name, dtype, shown(value));
}

function wholeNumber(name: string, dtype: DType, value: unknown): number | bigint {
  const isWhole = typeof value === "bigint" || Number.isInteger(value);
  if (!isWhole) throw tensorMismatch(name, dtype, shown(value));
  const whole = BigInt(value as number | bigint);
  const [least, most] = rangeOf(dtype) as readonly [bigint, bigint];
  if (whole < least || whole > most) throw invalidArgument(name, `${whole} does not fit into ${dtype}`);
  if (dtype === "int64" || dtype === "uint64") return whole;
  return dtype === "int4" || dtype === "uint4" ? Number(whole & 15n) : Number(whole);
}

/** A value in an error's words. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || typeof value !== "object") return String(value);
  return Array.isArray(value) ? `an array of ${value.length}` : (value.constructor?.name ?? "an object");
}

/** The element at an index. */
export function element(dtype: DType, data: DataTypes[DType], at: number): number | bigint | boolean | string {
  const array = data as unknown as Record<number, number>;
  switch (dtype) {
    case "bool":
      return array[at] !== 0;
    case "float16":
      return data instanceof Uint16Array ? fromHalf(array[at] as number) : (array[at] as number);
    case "int4":
    case "uint4": {
      const half = ((array[at >> 1] as number) >> ((at & 1) * 4)) & 15;
      return dtype === "int4" && half > 7 ? half - 16 : half;
    }
    default:
      return array[at] as number;
  }
}

/** All elements. */
export function elementsOf(dtype: DType, data: DataTypes[DType], count: number): unknown[] {
  return Array.from({ length: count }, (_, at) => element(dtype, data, at));
}
