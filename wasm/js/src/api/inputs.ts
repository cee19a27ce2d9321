/** What a run is given, as the engine's tensors: checked against what the model declares, and not copied. */

import type { Engine, EngineTensor } from "../engine/types.js";
import type { Info } from "../wasm/interface.js";
import { arrayLength, checkedDType, dtypeOfArray, holds, isDType, type DType } from "./dtype.js";
import { invalidArgument, notFound, tensorMismatch, unsupported } from "./errors.js";
import { arrayOf, checkedShape, fromElements, limitExceeded, sizeOf, Tensor } from "./tensor.js";
import { accepts, shapeText, tensorInfo, typeText } from "./value_info.js";

/** A tensor of an engine's, for example of onnxruntime-web. */
export interface EngineValue {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** Type, shape and elements of a tensor; without a type it is what the model declares. */
export interface TensorLike {
  readonly dtype?: DType;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView | readonly (number | bigint | boolean | string)[];
}

/** Numbers, truth values and texts, by themselves or in nested arrays. */
export type Literal = number | bigint | boolean | string | readonly Literal[];

/**
 * What is taken for an input:
 *
 * - a {@link Tensor}, or a tensor of the engine's;
 * - `{ shape, data }`, with a `dtype` or without;
 * - a typed array, whose shape is the declared one with at most one dimension open;
 * - a number, bigint, truth value or text, or nested arrays of them.
 *
 * `null` and `undefined` leave an optional input out. Typed arrays are not copied.
 */
export type InputValue = Tensor | EngineValue | TensorLike | ArrayBufferView | Literal | null | undefined;

/** Inputs of a run by name. */
export type Inputs = Readonly<Record<string, InputValue>>;

/** What a session's inputs are. Kept by a session, so that nothing of it is looked for at each run. */
export class Declared {
  readonly #places = new Map<string, Info>();
  readonly #needed: readonly Info[];

  constructor(
    inputs: readonly Info[],
    readonly initializers: readonly Info[] = [],
    /** Names that the engine takes; all if absent. */
    readonly engineNames?: readonly string[],
  ) {
    for (const info of [...inputs, ...initializers]) this.#places.set(info.name as string, info);
    this.#needed = inputs;
  }

  /** The engine's tensors of inputs, which have to be all that a run needs. */
  feeds(engine: Engine, inputs: Inputs): Record<string, EngineTensor> {
    if (typeof inputs !== "object" || inputs === null) throw invalidArgument("inputs", "has to be an object by name");
    const feeds: Record<string, EngineTensor> = {};
    let count = 0;
    for (const name in inputs) {
      if (!Object.hasOwn(inputs, name)) continue;
      const info = this.#places.get(name);
      if (info === undefined) throw notFound("input", name, [...this.#places.keys()]);
      const tensor = engineTensor(engine, info, inputs[name]);
      if (tensor === undefined) continue;
      this.#checkTaken(name);
      feeds[name] = tensor;
      count++;
    }
    if (count < this.#needed.length || this.initializers.length > 0) this.#checkComplete(feeds);
    return feeds;
  }

  /** The declared input or initializer. */
  info(name: string): Info | undefined {
    return this.#places.get(name);
  }

  names(): string[] {
    return [...this.#places.keys()];
  }

  /** Throws unless the engine takes all of these, and needs no other. */
  checkFeeds(feeds: Record<string, EngineTensor>): void {
    for (const name of Object.keys(feeds)) this.#checkTaken(name);
    this.#checkComplete(feeds);
  }

  #checkTaken(name: string): void {
    if (this.engineNames === undefined || this.engineNames.includes(name)) return;
    throw unsupported(`value for the initializer \`${name}\``, "this engine only takes the model's inputs");
  }

  #checkComplete(feeds: Record<string, EngineTensor>): void {
    for (const info of this.#needed) {
      const name = info.name as string;
      if (Object.hasOwn(feeds, name)) continue;
      if (info.kind !== "optional") throw tensorMismatch(name, typeText(info), "nothing");
      // ONNX Runtime could, but the engines' JavaScript insists on every input.
      if (this.engineNames?.includes(name)) {
        throw unsupported(`run without the optional input \`${name}\``, "this engine asks for all inputs");
      }
    }
  }
}

/** The engine's tensor of what was given; `undefined` if that is nothing. */
function engineTensor(engine: Engine, info: Info, value: InputValue): EngineTensor | undefined {
  const name = info.name as string;
  const inner = tensorInfo(info);
  if (value instanceof Tensor) {
    check(info, inner, value.dtype, value.shape);
    return made(engine, value.dtype, value.data, value.shape);
  }
  if (value === null || value === undefined) {
    if (info.kind === "optional") return undefined;
    throw tensorMismatch(name, typeText(info), "nothing");
  }
  if (ArrayBuffer.isView(value)) return ofView(engine, info, value);
  if (Array.isArray(value) || typeof value !== "object") return ofLiteral(engine, info, value as Literal);
  if (isEngineValue(value)) return ofEngine(engine, info, value);
  if (isTensorLike(value)) return ofParts(engine, info, value);
  const reason = "a tensor is a `Tensor`, a typed array, an array, or has `shape` and `data`";
  throw unsupported(`value of the type \`${value.constructor?.name ?? "object"}\` for input \`${name}\``, reason);
}

/** Whether type and shape are those that were declared. */
function check(info: Info, inner: Info | undefined, dtype: string, shape: readonly number[]): void {
  if (inner !== undefined && inner.dtype === dtype && accepts(inner.shape ?? null, shape)) return;
  throw tensorMismatch(info.name as string, typeText(info), `${dtype}${shapeText(shape)}`);
}

function made(engine: Engine, dtype: DType, data: unknown, shape: readonly number[]): EngineTensor {
  return new engine.Tensor(dtype as never, data as never, shape);
}

function isEngineValue(value: object): value is EngineValue {
  return "type" in value && "dims" in value;
}

function isTensorLike(value: object): value is TensorLike {
  return "data" in value && "shape" in value;
}

function ofEngine(engine: Engine, info: Info, value: EngineValue): EngineTensor {
  check(info, tensorInfo(info), value.type, value.dims);
  // As it is, wherever its data lies.
  if (value instanceof engine.Tensor) return value;
  const dtype = checkedDType(value.type);
  return made(engine, dtype, arrayOf(info.name as string, dtype, value.data, value.dims), value.dims);
}

function ofParts(engine: Engine, info: Info, value: TensorLike): EngineTensor {
  const name = info.name as string;
  const shape = checkedShape(value.shape);
  const dtype = value.dtype === undefined ? impliedDType(info, value.data, shape) : checkedDType(value.dtype);
  const data = arrayOf(name, dtype, value.data, shape);
  check(info, tensorInfo(info), dtype, shape);
  return made(engine, dtype, data, shape);
}

/** The type of data of which nobody says it. */
function impliedDType(info: Info, data: unknown, shape: readonly number[]): DType {
  const inner = tensorInfo(info);
  if (!ArrayBuffer.isView(data)) return declaredDType(info, inner);
  return dtypeOfView(info, inner, data, shape);
}

/** The declared type, for what has none of its own. */
function declaredDType(info: Info, inner: Info | undefined): DType {
  if (inner === undefined) throw notTensor(info);
  if (inner.dtype !== undefined && isDType(inner.dtype)) return inner.dtype;
  throw unsupported(`input \`${info.name}\``, `engines in JavaScript have no ${inner.dtype}`);
}

function notTensor(info: Info): Error {
  return unsupported(`input \`${info.name}\``, `it is a ${info.kind}, and engines in JavaScript take only tensors`);
}

/** The type of an array; the declared one if the array can hold its elements. */
function dtypeOfView(info: Info, inner: Info | undefined, view: ArrayBufferView, shape: readonly number[]): DType {
  const kind = dtypeOfArray(view);
  const dtype = inner?.dtype;
  if (kind !== undefined && dtype !== undefined && isDType(dtype) && holds(kind, dtype)) return dtype;
  throw tensorMismatch(info.name as string, typeText(info), `${kind ?? "a DataView"}${shapeText(shape)}`);
}

function ofView(engine: Engine, info: Info, view: ArrayBufferView): EngineTensor {
  const name = info.name as string;
  const inner = tensorInfo(info);
  const length = (view as unknown as ArrayLike<unknown>).length;
  const dtype = dtypeOfView(info, inner, view, [length]);
  const shape = shapeOfView(info, inner as Info, dtype, length);
  return made(engine, dtype, arrayOf(name, dtype, view, shape), shape);
}

/** The declared shape with the size that is left for an open dimension. */
function shapeOfView(info: Info, inner: Info, dtype: DType, length: number): readonly number[] {
  const shape = inner.shape ?? null;
  if (shape === null || (shape.length === 0 && length !== 1)) return [length];
  let [known, open] = [1, -1];
  for (let at = 0; at < shape.length; at++) {
    const dim = shape[at];
    if (typeof dim === "number") known *= dim;
    else if (open >= 0) throw severalOpen(info, shape);
    else open = at;
  }
  const fits = open < 0 ? arrayLength(dtype, known) === length : known > 0 && length % known === 0;
  if (!fits) throw tensorMismatch(info.name as string, typeText(info), `${dtype}[${length}]`);
  // Two to a byte: whether the last half counts, only a shape says.
  if (open >= 0 && arrayLength(dtype, 2) === 1) throw severalOpen(info, shape);
  return open < 0 ? (shape as number[]) : shape.map((dim) => (typeof dim === "number" ? dim : length / known));
}

function severalOpen(info: Info, shape: readonly (number | string | null)[]): Error {
  const reason = `has the shape ${shapeText(shape)}, so say the data's: { shape, data } or a Tensor`;
  return invalidArgument(info.name as string, reason);
}

function ofLiteral(engine: Engine, info: Info, value: Literal): EngineTensor {
  if (Array.isArray(value) && isSequence(value)) return refuseSequence(info, value);
  const inner = tensorInfo(info);
  const dtype = declaredDType(info, inner);
  const shape = nestedShape(value);
  const leaves: unknown[] = [];
  flatten(value, shape, 0, leaves);
  check(info, inner, dtype, shape);
  return made(engine, dtype, fromElements(info.name as string, dtype, leaves, sizeOf(shape)), shape);
}

/** Whether an array has tensors in it, and not numbers. */
function isSequence(values: readonly unknown[]): boolean {
  const first = values[0];
  return first instanceof Tensor || (typeof first === "object" && first !== null && !Array.isArray(first));
}

function refuseSequence(info: Info, values: readonly unknown[]): never {
  if (tensorInfo(info) === undefined) throw notTensor(info);
  throw tensorMismatch(info.name as string, typeText(info), `sequence of ${values.length}`);
}

function nestedShape(value: Literal): number[] {
  const shape: number[] = [];
  let level: Literal | undefined = value;
  while (Array.isArray(level)) {
    if (shape.push(level.length) > 64) throw limitExceeded("rank", 64, shape.length);
    level = level[0] as Literal | undefined;
  }
  return shape;
}

function flatten(value: Literal, shape: readonly number[], at: number, leaves: unknown[]): void {
  if (at === shape.length) {
    leaves.push(value);
    return;
  }
  if (!Array.isArray(value) || value.length !== shape[at]) {
    throw invalidArgument("list", "its rows are not all of the same length");
  }
  for (const item of value) flatten(item as Literal, shape, at + 1, leaves);
}
