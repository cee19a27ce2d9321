/** Takes a case, does what it says, and fails if something is not as expected. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Skipped, Wrong, checkCase, type Case } from "./cases.js";
import { judge, type Outcome } from "./outcomes.js";
import { Places } from "./places.js";
import * as sessions from "./sessions.js";
import * as tools from "./tools.js";

/** What this binding is called in `may_skip`. */
const BINDING = "typescript";

type Operation = (one: Case, places: Places) => Promise<Outcome>;

const OPERATIONS: Record<string, Operation> = {
  load: sessions.load,
  load_bytes: sessions.load,
  session_info: sessions.info,
  run: sessions.runOnce,
  run_async: sessions.runOnce,
  run_while_busy: sessions.busy,
  bind: sessions.bind,
  metrics: sessions.metrics,
  metrics_text: sessions.metricsTextOf,
  ...tools.OPERATIONS,
};

/** Operations that this binding does not have. */
const NOT_OFFERED: Record<string, string> = {
  compile: "artifacts are written by the other bindings",
  tune: "there is nothing to choose from: the engine's threads are settled once",
  profile: "onnxruntime-web gives no profile",
  doctor: "the machine is not to be looked at from a page",
  panic: "there is no way to make code inside of the library panic",
};

/** Runs a case. Fails with `Skipped` if it may be left out. */
export async function run(one: Case): Promise<void> {
  checkCase(one);
  const reason = NOT_OFFERED[one.operation] ?? saidReason(one.may_skip);
  if (reason !== undefined) throw new Skipped(reason);
  const operation = OPERATIONS[one.operation];
  if (operation === undefined) throw new Wrong(`no operation is called ${one.operation}`);
  const places = new Places(await mkdtemp(join(tmpdir(), "ortlet-case-")));
  try {
    await places.prepare(one.prepare ?? []);
    await judge(() => operation(one, places), one.expect ?? {});
  } catch (error) {
    if (error instanceof Skipped) throw new Wrong(`may not be left out, but was: ${error.message}`);
    throw error;
  } finally {
    await rm(places.temp, { recursive: true, force: true });
  }
}

/** Why a case may be left out here: what `may_skip` says behind the binding's name. */
function saidReason(maySkip: string | undefined): string | undefined {
  const parts = maySkip?.split("; ").map((part) => part.split(": "));
  return parts?.find(([name]) => name === BINDING)?.[1];
}
