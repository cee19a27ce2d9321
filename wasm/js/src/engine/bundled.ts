/** The engine that the package ships: onnxruntime-web, of which each attempt to start gets a module of its own. */

import { assets } from "../assets.js";
import type { Engine } from "./types.js";

let attempts = 0;

/**
 * Imports the engine. It is imported by its place and never bundled: a copy that failed to start never starts again, but
 * the same file under another address does.
 */
export async function importBundled(): Promise<Engine> {
  const place = new URL(assets().engine);
  if (attempts > 0) place.searchParams.set("attempt", String(attempts));
  attempts++;
  return (await import(/* @vite-ignore */ /* webpackIgnore: true */ place.href)) as Engine;
}
