/** Fixed memory for inputs and outputs, prepared once for many runs. */

import type { Outputs, SessionCore } from "../engine/session_core.js";
import type { EngineTensor } from "../engine/types.js";
import type { Info } from "../wasm/interface.js";
import { arrayLength, arrayType, checkedDType, type DataTypes, type DType } from "./dtype.js";
import { invalidArgument, notFound, tensorMismatch, unsupported } from "./errors.js";
import { CHECKED, Tensor, checkedShape, limitExceeded, sizeOf } from "./tensor.js";
import type { RunOptions } from "./session_like.js";
import { accepts, shapeText, tensorInfo, typeText } from "./value_info.js";

/** What a binding is to be. */
export interface BindOptions {
  /**
   * For inputs, and if wanted for outputs: a shape, or a tensor whose array runs then read or write in place. Inputs
   * whose shape the model fixes need none.
   */
  readonly shapes?: Readonly<Record<string, readonly number[] | Tensor>> | undefined;
  /** From outputs to inputs: each run's output is the next run's input; zeros before the first. */
  readonly ties?: Readonly<Record<string, string>> | undefined;
}

/** Options of a run of a binding: its outputs are chosen when it is made. */
export type BoundRunOptions = Omit<RunOptions, "outputs" | "transfer">;

/**
 * A session's inputs and outputs in fixed memory; made by `bind`. Fill `inputs`, call `run`, read `outputs`:
 *
 * ```ts
 * const call = await session.bind({ shapes: { image: [1, 3, 224, 224] } });
 * call.inputs.image.data.set(pixels);
 * const { scores } = await call.run();
 * ```
 */
export interface Binding {
  /** The inputs' memory, to be filled. Of a tied input, what the next run will read. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** The outputs of the last run. Where their shapes are known, they are in the same arrays at each run. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Runs the model on the inputs' present contents, and gives `outputs`. */
  run(options?: BoundRunOptions): Promise<Record<string, Tensor>>;
}

/** Bytes that one array may take; engines cannot take more. */
const MAX_BYTES = 2 ** 32 - 1;

export class CoreBinding implements Binding {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: Record<string, Tensor> = {};
  readonly #core: SessionCore;
  readonly #feeds: Record<string, EngineTensor> = {};
  /** Memory for outputs whose shapes are known before. */
  readonly #memory: Readonly<Record<string, Tensor>>;
  readonly #ties: readonly (readonly [string, string])[];
  #isRunning = false;

  constructor(core: SessionCore, options: BindOptions) {
    const plan = new Plan(core, options);
    this.#core = core;
    this.inputs = Object.freeze(plan.inputs());
    this.#memory = plan.outputs(this.inputs);
    this.#ties = plan.ties;
    for (const [name, tensor] of Object.entries(this.inputs)) {
      this.#feeds[name] = new core.engine.Tensor(tensor.dtype as never, tensor.data as never, tensor.shape);
    }
    core.declared.checkFeeds(this.#feeds);
  }

  async run(options: BoundRunOptions = {}): Promise<Record<string, Tensor>> {
    if ((options as RunOptions).outputs !== undefined) {
      throw invalidArgument("outputs", "a binding's outputs are chosen when it is made");
    }
    // Two runs at once would write into the same arrays.
    if (this.#isRunning) throw invalidArgument("binding", "is running; wait for that run");
    this.#isRunning = true;
    try {
      return this.#keep(await this.#core.runBound(this.#feeds, options));
    } finally {
      this.#isRunning = false;
    }
  }

  /** Puts what a run gave into the arrays that stay. */
  #keep(given: Outputs): Record<string, Tensor> {
    for (const name in given) {
      const tensor = given[name] as Tensor;
      const kept = this.#memory[name];
      this.outputs[name] = kept !== undefined && isSame(kept.shape, tensor.shape) ? copied(tensor, kept) : tensor;
    }
    for (const [output, input] of this.#ties) copied(given[output] as Tensor, this.inputs[input] as Tensor);
    return this.outputs;
  }
}

function isSame(shape: readonly number[], other: readonly number[]): boolean {
  return shape.length === other.length && shape.every((size, at) => size === other[at]);
}

function copied(from: Tensor, to: Tensor): Tensor {
  // An output that is an input may be in the same memory.
  if (from.data !== to.data) {
    const [source, target] = [bytesOf(from.data as never), bytesOf(to.data as never)];
    target.set(source);
  }
  return to;
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Decides what memory inputs and outputs lie in. */
class Plan {
  readonly ties: readonly (readonly [string, string])[];
  readonly #core: SessionCore;
  readonly #said: Readonly<Record<string, readonly number[] | Tensor>>;

  constructor(core: SessionCore, options: BindOptions) {
    this.#core = core;
    this.#said = options.shapes ?? {};
    this.ties = Object.entries(options.ties ?? {});
    this.#checkNames();
  }

  #checkNames(): void {
    const inputs = this.#core.declared.names();
    const outputs = this.#core.outputs.map((info) => info.name as string);
    for (const [output, input] of this.ties) {
      if (!outputs.includes(output)) throw notFound("output", output, outputs);
      if (!inputs.includes(input)) throw notFound("input", input, inputs);
      if (this.ties.filter(([, to]) => to === input).length > 1) {
        throw invalidArgument("tie", `\`${output}\` or \`${input}\` is tied twice`);
      }
      if (inputs.includes(output)) {
        throw invalidArgument("tie", `\`${output}\` is itself an input, so no run computes it`);
      }
      if ([output, input].some((name) => this.#said[name] instanceof Tensor)) {
        throw invalidArgument("tie", `\`${output}\` and \`${input}\` take turns, so neither can be given memory`);
      }
    }
    const known = [...inputs, ...outputs];
    for (const name of Object.keys(this.#said)) {
      if (!known.includes(name)) throw notFound("input or output", name, known);
    }
  }

  inputs(): Record<string, Tensor> {
    const tensors: Record<string, Tensor> = {};
    const isNamed = (info: Info) =>
      Object.hasOwn(this.#said, info.name as string) || this.ties.some(([, input]) => input === info.name);
    for (const info of this.#core.inputs) {
      if (info.kind !== "optional" || isNamed(info)) tensors[info.name as string] = this.#input(info);
    }
    for (const info of this.#core.overridableInitializers) {
      if (isNamed(info)) tensors[info.name as string] = this.#input(info);
    }
    return tensors;
  }

  #input(info: Info): Tensor {
    const name = info.name as string;
    const { dtype, shape } = boundType(info, "input");
    if (dtype === "string") throw unsupported(`binding of input \`${name}\``, "a string has no fixed size; use `run`");
    const said = this.#said[name];
    if (said instanceof Tensor) return fitting(info, said);
    const fixed = said === undefined ? fixedShape(shape) : checkedShape(said, `input \`${name}\``);
    if (fixed === undefined) throw invalidArgument(name, `has the shape ${shapeText(shape)}, so say which to bind`);
    checkFits(info, shape, dtype, fixed);
    return zeros(`input \`${name}\``, dtype, fixed);
  }

  /** Memory of outputs whose shapes are said, declared, or follow from the inputs' by the names of dimensions. */
  outputs(inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    const tensors: Record<string, Tensor> = {};
    const sizes = this.#sizes(inputs);
    for (const info of this.#core.outputs) {
      const name = info.name as string;
      const { dtype, shape } = boundType(info, "output");
      const tie = this.ties.find(([output]) => output === name)?.[1];
      if (tie !== undefined) checkTie(info, inputs[tie] as Tensor, tie);
      const said = this.#said[name];
      const own = Object.hasOwn(inputs, name) ? inputs[name] : said instanceof Tensor ? fitting(info, said) : undefined;
      const known =
        said === undefined || own !== undefined ? concluded(shape, sizes) : checkedShape(said, `output \`${name}\``);
      if (own === undefined && said !== undefined) checkFits(info, shape, dtype, known as readonly number[]);
      if (own !== undefined) tensors[name] = own;
      else if (known !== undefined && dtype !== "string") tensors[name] = zeros(`output \`${name}\``, dtype, known);
    }
    return tensors;
  }

  /** Sizes of named dimensions; a name that stands for two says nothing. */
  #sizes(inputs: Readonly<Record<string, Tensor>>): Map<string, number | undefined> {
    const sizes = new Map<string, number | undefined>();
    for (const [name, tensor] of Object.entries(inputs)) {
      const info = tensorInfo(this.#core.declared.info(name) as Info);
      info?.shape?.forEach((dim, at) => {
        if (typeof dim !== "string") return;
        const size = tensor.shape[at];
        sizes.set(dim, sizes.has(dim) && sizes.get(dim) !== size ? undefined : size);
      });
    }
    return sizes;
  }
}

function boundType(info: Info, what: string): { dtype: DType; shape: readonly (number | string | null)[] | null } {
  const inner = tensorInfo(info);
  if (inner === undefined)
    throw unsupported(`binding of ${what} \`${info.name}\``, `${typeText(info)} is no tensor; use \`run\``);
  return { dtype: checkedDType(inner.dtype), shape: inner.shape ?? null };
}

function fixedShape(shape: readonly (number | string | null)[] | null): readonly number[] | undefined {
  return shape?.every((dim) => typeof dim === "number") ? shape : undefined;
}

function concluded(
  shape: readonly (number | string | null)[] | null,
  sizes: ReadonlyMap<string, number | undefined>,
): readonly number[] | undefined {
  const all = shape?.map((dim) => (typeof dim === "string" ? (sizes.get(dim) ?? null) : dim));
  return all === undefined ? undefined : fixedShape(all);
}

function checkFits(
  info: Info,
  declared: readonly (number | string | null)[] | null,
  dtype: DType,
  shape: readonly number[],
): void {
  if (!accepts(declared, shape))
    throw tensorMismatch(info.name as string, typeText(info), `${dtype}${shapeText(shape)}`);
}

function fitting(info: Info, tensor: Tensor): Tensor {
  const inner = tensorInfo(info);
  if (inner?.dtype === tensor.dtype && accepts(inner.shape ?? null, tensor.shape)) return tensor;
  throw tensorMismatch(info.name as string, typeText(info), tensor.toString());
}

function checkTie(output: Info, input: Tensor, name: string): void {
  const inner = tensorInfo(output);
  if (inner?.dtype === input.dtype && accepts(inner.shape ?? null, input.shape)) return;
  throw tensorMismatch(output.name as string, typeText(output), `${input.toString()}, as input \`${name}\``);
}

function zeros(title: string, dtype: DType, shape: readonly number[]): Tensor {
  const Type = arrayType(dtype);
  const length = arrayLength(dtype, sizeOf(shape));
  const bytes = length * new Type(0).byteLength || length;
  if (bytes > MAX_BYTES) throw limitExceeded(`bytes of ${title}`, MAX_BYTES, bytes);
  return new Tensor(dtype, new Type(length) as unknown as DataTypes[DType], Object.freeze([...shape]), CHECKED);
}
