/** The phases of a load, as our Rust code takes them: numbers in the order of Rust's fields, NaN for nothing. */

import type { LoadPhases } from "../generated/reports.js";

const ORDER = [
  "runtime_ns",
  "check_ns",
  "digest_ns",
  "map_ns",
  "create_ns",
  "store_ns",
  "warm_up_ns",
  "total_ns",
  "first_run_ns",
] as const satisfies readonly (keyof LoadPhases)[];

/** What `Recorder.report` and `openmetrics` take: the phases of one load after the other. */
export function phaseNumbers(loads: readonly LoadPhases[]): Float64Array {
  return Float64Array.from(loads.flatMap((load) => ORDER.map((phase) => load[phase] ?? NaN)));
}
