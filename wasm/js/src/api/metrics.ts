/** Metrics of several sessions as one text. */

import type { LoadPhases } from "../generated/reports.js";
import { phaseNumbers } from "../wasm/phases.js";
import { fromRust } from "../wasm/modules.js";
import type { Recorder, SessionModule } from "../wasm/interface.js";
import { unsupported } from "./errors.js";
import type { SessionLike } from "./session_like.js";

/** What is known of a session's runs: a handle of the recorder, and the phases of its load. */
export interface Measured {
  readonly module: SessionModule;
  measured(): readonly [Recorder, LoadPhases];
}

const cores = new WeakMap<SessionLike, Measured>();

/** Said by each session of what records its runs. */
export function setCore(session: SessionLike, core: Measured): void {
  cores.set(session, core);
}

export function coreOf(session: SessionLike): Measured {
  const core = cores.get(session);
  if (core === undefined) throw unsupported("session", "it is none of this package");
  return core;
}

/**
 * Counts and latencies of the runs of sessions, by names of your choice, in the format of OpenMetrics. The time of a
 * download and of quantizing is not told by itself there, see `SessionLike.metricsText`.
 */
export function metricsText(sessions: Readonly<Record<string, SessionLike>>): string {
  return openmetrics(Object.fromEntries(Object.entries(sessions).map(([name, one]) => [name, coreOf(one)])));
}

export function openmetrics(cores: Readonly<Record<string, Measured>>): string {
  const names = Object.keys(cores);
  const [first] = Object.values(cores);
  if (first === undefined) return "# EOF\n";
  const parts = Object.values(cores).map((core) => core.measured());
  try {
    const loads = phaseNumbers(parts.map(([, load]) => load));
    return first.module.openmetrics(
      parts.map(([recorder]) => recorder),
      names,
      loads,
    );
  } catch (thrown) {
    throw fromRust(thrown);
  }
}
