/** Our Rust code, compiled once and instantiated as often as memory is to be given back. */

import { assets } from "../assets.js";
import { OrtletError, type ErrorDetails } from "../api/errors.js";
import { platform } from "../platform/platform.js";
import type { SessionModule, ToolsModule } from "./interface.js";
import { create as createSession } from "./ortlet_session.js";

/** The memory that a small model takes may stay. */
const SMALL_BYTES = 4 << 20;
const ATTEMPTS = 4;
const PAUSE_MS = 100;

let sessionModule: Promise<SessionModule> | undefined;
let compiledSession: Promise<WebAssembly.Module> | undefined;
let compiledTools: Promise<WebAssembly.Module> | undefined;

async function compile(url: URL): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(await platform().readAsset(url));
  } catch (cause) {
    const reason = `its file ${url.href} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new OrtletError(
      "io",
      `cannot load Ortlet: ${reason}`,
      { operation: "load", path: url.href, reason },
      { cause },
    );
  }
}

/** The module that running models needs; one instance serves all. */
export function session(): Promise<SessionModule> {
  sessionModule ??= freshSession().catch((error: unknown) => {
    // The next one may have more luck.
    sessionModule = compiledSession = undefined;
    throw error;
  });
  return sessionModule;
}

async function freshSession(): Promise<SessionModule> {
  compiledSession ??= compile(assets().sessionModule);
  return instantiated(createSession, await compiledSession);
}

/** A new instance. Browsers bound how many there are, and need a moment to clear away those that were dropped. */
async function instantiated<M extends SessionModule>(create: () => M, module: WebAssembly.Module): Promise<M> {
  for (let attempt = 1; ; attempt++) {
    const made = create();
    try {
      made.initSync({ module });
      return made;
    } catch (error) {
      if (!(error instanceof RangeError) || attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/**
 * Does some work on a model of so many bytes: large ones with an instance of its own, whose memory goes when the work is
 * done, small ones with the one that serves all.
 */
export async function withSession<T>(bytes: number, work: (module: SessionModule) => T | Promise<T>): Promise<T> {
  const module = await (bytes <= SMALL_BYTES ? session() : freshSession());
  return guarded(() => work(module), module);
}

/** Does some work with the module that changes models, which is only loaded for that, and with an instance of its own. */
export async function withTools<T>(work: (module: ToolsModule) => T | Promise<T>): Promise<T> {
  compiledTools ??= compile(assets().toolsModule).catch((error: unknown) => {
    compiledTools = undefined;
    throw error;
  });
  const [{ create }, module] = await Promise.all([import("./ortlet_tools.js"), compiledTools]);
  const made = await instantiated(create, module);
  return guarded(() => work(made), made);
}

/** Makes errors of what our Rust code throws; `module` is the instance that does the work. */
export async function guarded<T>(work: () => T | Promise<T>, module?: SessionModule): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw fromRust(thrown, module);
  }
}

/** The error of something that `module` threw, texts with the details of an error as JSON; else what it is. */
export function fromRust(thrown: unknown, module?: SessionModule): unknown {
  if (typeof thrown === "string") return OrtletError.of(JSON.parse(thrown) as ErrorDetails);
  if (thrown instanceof WebAssembly.RuntimeError) {
    const reason = module?.last_panic() ?? `${thrown.message} in Ortlet's own code`;
    // An instance that panicked is not to be trusted.
    sessionModule = undefined;
    return new OrtletError("internal", `internal error, please report it: ${reason}`, { reason }, { cause: thrown });
  }
  return thrown;
}
