/** What may end a run, and runs beside others. */

import { OrtletError, type RunOptions, type SessionLike, type Tensor } from "ortlet";
import { Wrong, type Case, type RunOptions as Said, type StoredByName } from "./cases.js";
import { named } from "./values.js";

const LONGEST_WAIT_MS = 60_000;
/** How long a run that was begun may take to get its place at the session. */
const SURELY_UNDER_WAY_MS = 100;

const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Does something with the options of a run that a case says in `run_options`. */
export async function controlled<T>(said: Said, work: (options: RunOptions) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  if (said.cancelled) controller.abort();
  const later =
    said.cancel_after_ns === undefined ? undefined : setTimeout(() => controller.abort(), said.cancel_after_ns / 1e6);
  const isEndable = said.cancelled === true || said.cancel_after_ns !== undefined;
  try {
    return await work({
      ...(said.outputs === undefined ? {} : { outputs: said.outputs }),
      ...(said.deadline_ns === undefined ? {} : { deadlineMs: said.deadline_ns / 1e6 }),
      ...(isEndable ? { signal: controller.signal } : {}),
    });
  } finally {
    clearTimeout(later);
  }
}

/** One run with inputs as a case writes them. */
export function run(session: SessionLike, inputs: StoredByName, said: Said): Promise<Record<string, Tensor>> {
  return controlled(said, (options) => session.run(named(inputs), options));
}

/** Runs while another run is under way, which is cancelled in the end. */
export async function runWhileBusy(session: SessionLike, one: Case): Promise<Record<string, Tensor>> {
  const stop = new AbortController();
  const busy = session.run(named(one.busy ?? {}), { signal: stop.signal }).then(
    () => "success",
    (error: unknown) => (error instanceof OrtletError ? error.code : String(error)),
  );
  await untilUnderWay(session);
  const [beside] = await Promise.allSettled([run(session, one.inputs ?? {}, one.run_options ?? {})]);
  stop.abort();
  const ended = await busy;
  if (ended !== "cancelled") throw new Wrong(`the busy run ended with ${ended}`);
  if (beside.status === "rejected") throw beside.reason;
  return beside.value;
}

async function untilUnderWay(session: SessionLike): Promise<void> {
  const start = performance.now();
  while (session.metrics().metrics.in_flight_count === 0) {
    if (performance.now() - start > LONGEST_WAIT_MS) throw new Wrong("the busy run does not begin");
    await wait(1);
  }
  await wait(SURELY_UNDER_WAY_MS);
}
