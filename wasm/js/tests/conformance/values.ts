/** Values as the cases write them: made into what programs pass, and compared with what they get back. */

import { Tensor, type DType, type InputValue } from "ortlet";
import { Wrong, type Stored, type StoredByName, type StoredTensor } from "./cases.js";

const WORDS: Record<string, number> = { NaN, Infinity, "-Infinity": -Infinity };
const FLOATS = ["float16", "float32", "float64"];
const WHOLE_BIG = ["int64", "uint64"];

/** The elements of a tensor of a case. */
function elements({ dtype, data }: StoredTensor): (number | bigint | boolean | string)[] {
  if (dtype === "string" || dtype === "bool") return data;
  if (FLOATS.includes(dtype)) return data.map((element) => WORDS[element as string] ?? Number(element));
  return data.map((element) => (WHOLE_BIG.includes(dtype) ? BigInt(element) : Number(element)));
}

/** A tensor of a case. */
export function tensor(stored: StoredTensor): Tensor {
  return new Tensor(stored.dtype as DType, elements(stored) as never, stored.shape);
}

/** A value of a case as a program passes it. */
export function value(stored: Stored): InputValue {
  if ("sequence" in stored) return stored.sequence.map(value) as unknown as InputValue;
  if ("map" in stored) return new Map() as unknown as InputValue;
  if ("optional" in stored) return stored.optional === null ? null : value(stored.optional);
  return tensor(stored);
}

/** Values by name. */
export function named(stored: StoredByName): Record<string, InputValue> {
  return Object.fromEntries(Object.entries(stored).map(([name, each]) => [name, value(each)]));
}

/** Fails unless there are exactly the expected outputs. */
export function checkAll(actual: Record<string, Tensor> | undefined, expected: StoredByName, tolerance: number): void {
  if (actual === undefined) throw new Wrong("nothing was run");
  for (const [name, stored] of Object.entries(expected)) {
    const own = actual[name];
    if (own === undefined) throw new Wrong(`there is no output \`${name}\``);
    check(`output \`${name}\``, own, stored, tolerance);
  }
  for (const name of Object.keys(actual)) {
    if (!Object.hasOwn(expected, name)) throw new Wrong(`output \`${name}\` is not expected`);
  }
}

/** Fails unless a tensor has the expected type, shape and elements. */
export function check(what: string, actual: Tensor, stored: Stored, tolerance: number): void {
  if ("optional" in stored && stored.optional !== null) {
    check(what, actual, stored.optional, tolerance);
    return;
  }
  if (!(actual instanceof Tensor)) throw new Wrong(`${what} is no tensor: ${String(actual)}`);
  if (!("dtype" in stored)) throw new Wrong(`${what} is a tensor, expected ${JSON.stringify(stored)}`);
  if (actual.dtype !== stored.dtype || `${actual.shape}` !== `${stored.shape}`) {
    throw new Wrong(`${what} is ${actual}, expected ${stored.dtype}[${stored.shape.join(", ")}]`);
  }
  const own = flat(actual.toNested());
  // Rounded as the type rounds, by the class under test; its rounding has tests of its own.
  const wanted = flat(tensor(stored).toNested());
  wanted.forEach((element, at) => {
    if (isNear(own[at], element, tolerance)) return;
    throw new Wrong(
      `${what}: element ${at} is ${String(own[at])}, expected ${String(element)}; all: ${own.join(", ")}`,
    );
  });
  if (own.length !== wanted.length) throw new Wrong(`${what} has ${own.length} elements, expected ${wanted.length}`);
}

function flat(nested: unknown): unknown[] {
  return Array.isArray(nested) ? nested.flatMap(flat) : [nested];
}

/** Whether two numbers, truths or texts are equal as the suite means it. */
function isNear(actual: unknown, expected: unknown, tolerance: number): boolean {
  if (typeof actual !== typeof expected) return false;
  if (typeof actual !== "number" || typeof expected !== "number") return actual === expected;
  if (actual === expected || (Number.isNaN(actual) && Number.isNaN(expected))) return true;
  const areFinite = Number.isFinite(actual) && Number.isFinite(expected);
  return areFinite && Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected));
}
