/** Names of what computes, as engines in JavaScript write them. */

import { invalidArgument, notFound } from "../api/errors.js";

/** What the engine that the package ships has. */
const BUNDLED = ["cpu", "wasm"];

/** A provider in the engine's own words: options lie beside the name. */
export interface EngineProvider {
  readonly name: string;
  readonly [option: string]: unknown;
}

/** Providers with the names that every language knows, also `CPUExecutionProvider`, in the engine's words. */
export function engineProviders(providers: readonly unknown[]): (string | EngineProvider)[] {
  return providers.map((provider) => {
    if (typeof provider === "string") return shortName(provider);
    const { name, options, ...others } = provider as EngineProvider;
    return { ...others, ...(options as object | undefined), name: shortName(name) };
  });
}

function shortName(name: string): string {
  return name.replace(/ExecutionProvider$/i, "").toLowerCase();
}

/** Throws unless the engine that the package ships has the providers, which take no options. */
export function checkBundledProviders(providers: readonly unknown[]): void {
  for (const provider of engineProviders(providers)) {
    const { name, ...options } = typeof provider === "string" ? { name: provider } : provider;
    if (!BUNDLED.includes(name)) throw notFound("execution provider", name, BUNDLED);
    const [first] = Object.keys(options);
    if (first !== undefined) throw invalidArgument("providers", `\`${name}\` has no option \`${first}\``);
  }
}
