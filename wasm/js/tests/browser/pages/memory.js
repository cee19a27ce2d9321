/** Scenarios that load, run and close again and again, and see what stays. */

import { bytesOf, load, ticks, X } from "./common.js";

/** Memory of WebAssembly that is in use. */
const memories = [];
let workers = 0;
watch();

/** What stayed after some cycles, and after many more. */
export async function cycles({ where, count, warmUp }) {
  const bytes = await bytesOf("/models/linear.onnx");
  const cycle = async () => {
    const session = await load(where, bytes);
    await session.run({ x: X });
    await session.dispose();
  };
  for (let done = 0; done < warmUp; done += 1) await cycle();
  const before = await used();
  for (let done = 0; done < count; done += 1) await cycle();
  return { before, after: await used() };
}

async function used() {
  for (let turn = 0; turn < 5; turn += 1) {
    globalThis.gc();
    await ticks(20);
  }
  const wasm = memories.reduce((sum, memory) => sum + (memory.deref()?.buffer.byteLength ?? 0), 0);
  return { heap: performance.memory.usedJSHeapSize, wasm, workers };
}

/** Has every memory and worker counted that is made from now on. */
function watch() {
  const { Memory, Instance } = WebAssembly;
  WebAssembly.Memory = class extends Memory {
    constructor(options) {
      super(options);
      memories.push(new WeakRef(this));
    }
  };
  WebAssembly.Instance = class extends Instance {
    constructor(module, imports) {
      super(module, imports);
      memories.push(
        ...Object.values(this.exports)
          .filter(isMemory)
          .map((memory) => new WeakRef(memory)),
      );
    }
  };
  const isMemory = (value) => value instanceof Memory;
  const instantiate = WebAssembly.instantiate;
  WebAssembly.instantiate = async (...values) => {
    const made = await instantiate.apply(WebAssembly, values);
    const { exports } = made.instance ?? made;
    memories.push(
      ...Object.values(exports)
        .filter(isMemory)
        .map((memory) => new WeakRef(memory)),
    );
    return made;
  };
  const Original = globalThis.Worker;
  globalThis.Worker = class extends Original {
    constructor(...values) {
      super(...values);
      workers += 1;
    }
    terminate() {
      workers -= 1;
      super.terminate();
    }
  };
}
