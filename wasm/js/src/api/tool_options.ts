/** Options of tools: checks of their names, and the names that Rust has for them. */

import type { OptionNames } from "../generated/options.js";
import { checkNames } from "./options.js";

const ANY = (): void => undefined;

/** Throws if an option is not in the table; the error names the nearest that is. */
export function checkOptions(options: object, known: object): void {
  checkNames("options", options, Object.fromEntries(Object.keys(known).map((name) => [name, ANY])));
}

/** The options with Rust's names, which say with `null` what is absent here. */
export function forRust(options: object, names: OptionNames): Record<string, unknown> {
  const renamed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    const known = names[name];
    if (value === undefined || known === undefined) continue;
    const [rustName, inner] = typeof known === "string" ? [known] : known;
    const isNested = inner !== undefined && typeof value === "object" && value !== null;
    renamed[rustName] = isNested ? forRust(value as object, inner) : value;
  }
  return renamed;
}
