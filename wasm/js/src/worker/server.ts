/** Inside a worker: loads one model and runs it, as the page asks. */

import { setAssets, type Assets } from "../assets.js";
import { environment } from "../engine/environment.js";
import { invalidArgument, runtimeFailed } from "../api/errors.js";
import type { LoadOptions } from "../api/options.js";
import { loadSession } from "../load/load.js";
import type { Progress } from "../load/progress.js";
import type { EngineModel, Loaded } from "../load/settings.js";
import type { EngineTensor } from "../engine/types.js";
import { detailsOf, settle } from "./protocol.js";
import type {
  FromWorker,
  LoadAnswer,
  LoadRequest,
  Outcome,
  PageFunction,
  Places,
  RunAnswer,
  RunRequest,
  ToWorker,
  WireModel,
  WireTensor,
} from "./protocol.js";
import { buffersOf, compact, plainValue, unpackSource } from "./wire.js";

/** The line to the page. */
export interface Line {
  post(message: FromWorker, transfer: readonly Transferable[]): void;
  onMessage(listener: (message: ToWorker) => void): void;
}

interface Answer {
  readonly value: LoadAnswer | RunAnswer;
  readonly transfer: readonly Transferable[];
}

/** Answers the page until the worker is ended from outside. */
export function serve(line: Line): void {
  const server = new Server(line);
  line.onMessage((message) => void server.receive(message));
  line.post({ kind: "ready" }, []);
}

class Server {
  readonly #line: Line;
  readonly #calls = new Map<number, (outcome: Outcome) => void>();
  #lastCall = 0;
  #loaded: Loaded | undefined;

  constructor(line: Line) {
    this.#line = line;
  }

  async receive(message: ToWorker): Promise<void> {
    if (message.kind === "answer") {
      this.#calls.get(message.id)?.(message.outcome);
      this.#calls.delete(message.id);
      return;
    }
    const { id, request } = message;
    try {
      const { value, transfer } = await (request.ask === "load" ? this.#load(request) : this.#run(request));
      this.#line.post({ kind: "reply", id, outcome: { value } }, transfer);
    } catch (thrown) {
      this.#line.post({ kind: "reply", id, outcome: { error: detailsOf(thrown) }, isLast: isFatal(thrown) }, []);
    }
  }

  async #load({ source, options, places, keep }: LoadRequest): Promise<Answer> {
    setAssets(assetsOf(places));
    const settings = this.#options(options);
    this.#loaded = await loadSession(unpackSource(source), settings, environment(settings, keep));
    const { description, report, model, session } = this.#loaded;
    const { inputNames, outputNames } = session;
    const answer: LoadAnswer = { description, report, inputNames, outputNames };
    return { value: model === undefined ? answer : { ...answer, model: wireModel(model) }, transfer: [] };
  }

  #options({ plain, externalData, functions }: LoadRequest["options"]): LoadOptions {
    const options: Record<string, unknown> = { ...plain };
    if (externalData !== undefined) {
      const files = Object.entries(externalData).map(([name, source]) => [name, unpackSource(source)] as const);
      options.externalData = Object.fromEntries(files);
    }
    if (functions.includes("onProgress")) options.onProgress = (progress: Progress) => this.#tell(progress);
    if (functions.includes("measure")) options.accuracy = { ...(plain.accuracy as object), measure: this.#measure };
    return options;
  }

  #tell(progress: Progress): void {
    this.#line.post({ kind: "call", name: "onProgress", values: [progress] }, []);
  }

  readonly #measure = async (...outputs: unknown[]): Promise<unknown> => {
    return this.#call("measure", outputs.map(plainValues));
  };

  #call(name: PageFunction, values: readonly unknown[]): Promise<unknown> {
    this.#lastCall += 1;
    const id = this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, (outcome) => {
        try {
          resolve(settle(outcome));
        } catch (error) {
          reject(error);
        }
      });
      this.#line.post({ kind: "call", id, name, values }, []);
    });
  }

  async #run({ feeds, outputs }: RunRequest): Promise<Answer> {
    if (this.#loaded === undefined) throw invalidArgument("worker", "has no model");
    const { engine, session } = this.#loaded;
    const tensors: Record<string, EngineTensor> = {};
    for (const [name, { type, dims, data }] of Object.entries(feeds)) {
      tensors[name] = new engine.Tensor(type as never, data as never, dims);
    }
    const begun = performance.now();
    const results = await session
      .run(tensors as Record<string, never>, outputs ?? session.outputNames)
      .catch((cause: unknown) => {
        throw runtimeFailed("run", cause);
      });
    const computedNs = (performance.now() - begun) * 1e6;
    const wire = await wireTensors(results);
    return { value: { outputs: wire, computedNs }, transfer: buffersOf(Object.values(wire)) };
  }
}

/** The engine's tensors as they can be posted. */
async function wireTensors(tensors: Readonly<Record<string, unknown>>): Promise<Record<string, WireTensor>> {
  const wire: Record<string, WireTensor> = {};
  for (const [name, tensor] of Object.entries(tensors) as [string, EngineTensor][]) {
    const isNear = tensor.location === undefined || tensor.location === "cpu";
    const data = isNear || tensor.getData === undefined ? tensor.data : await tensor.getData(true);
    // What is only a part of some memory is copied: moving it would move all of that.
    wire[name] = compact({ type: tensor.type, dims: tensor.dims, data });
  }
  return wire;
}

function plainValues(values: unknown): unknown {
  const named = Object.entries(values as Record<string, unknown>);
  return Object.fromEntries(named.map(([name, value]) => [name, plainValue(value)]));
}

/** A copy of the model that the page can hold without its bytes being in memory. */
function wireModel({ bytes, externalData }: EngineModel): WireModel {
  const files = externalData.map(({ path, data }) => [path, blobOf(data)] as const);
  return { file: blobOf(bytes), externalData: Object.fromEntries(files) };
}

function blobOf(bytes: Uint8Array): Blob {
  return new Blob([bytes as Uint8Array<ArrayBuffer>]);
}

function assetsOf(places: Places): Assets {
  const urls = Object.entries(places).map(([name, place]) => [name, new URL(place)] as const);
  return Object.fromEntries(urls) as unknown as Assets;
}

/** Whether the engine's code broke off in the middle, after which its memory cannot be trusted. */
function isFatal(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown instanceof WebAssembly.RuntimeError || isFatal(thrown.cause));
}
