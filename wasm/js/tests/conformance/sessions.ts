/** Operations on a session: loading, running, binding, metrics. */

import { Session, createWorkerSession, metricsText, type BindOptions, type SessionLike, type Tensor } from "ortlet";
import { Wrong, type Case, type Expect, type Step } from "./cases.js";
import { controlled, run, runWhileBusy } from "./control.js";
import { asJson } from "./facts.js";
import { judge, type Outcome } from "./outcomes.js";
import type { Places } from "./places.js";
import * as values from "./values.js";

/** Options of a session, with the case's samples if it has any. */
export function sessionOptions(one: Case, places: Places): Record<string, unknown> {
  const samples = one.samples?.map(values.named);
  return { ...places.options(one), ...(samples === undefined ? {} : { samples }) };
}

/**
 * Does something with the session that a case is about, after the runs that it asks for. Where a run has to be ended
 * while it computes, the session is in a worker: in the thread of the page nothing can end it.
 */
async function withSession(
  one: Case,
  places: Places,
  work: (session: SessionLike) => Promise<Outcome>,
): Promise<Outcome> {
  const source = one.operation === "load_bytes" ? await places.bytes(one) : places.model(one);
  const options = sessionOptions(one, places);
  const session: SessionLike = needsWorker(one)
    ? await createWorkerSession(source, options)
    : await Session.load(source, options);
  try {
    for (const [number, each] of (one.runs ?? []).entries()) {
      await judgePart(`run ${number}`, each.expect, () => run(session, each.inputs, each.run_options ?? {}));
    }
    return await work(session);
  } finally {
    await session.dispose();
  }
}

function needsWorker(one: Case): boolean {
  const said = one.run_options ?? {};
  return one.busy !== undefined || said.cancel_after_ns !== undefined || said.deadline_ns !== undefined;
}

/** Judges one of several runs by its own expectation. */
async function judgePart(
  what: string,
  expect: Expect | undefined,
  attempt: () => Promise<Record<string, Tensor>>,
): Promise<void> {
  try {
    await judge(async () => ({ outputs: await attempt() }), expect ?? {});
  } catch (wrong) {
    if (wrong instanceof Wrong) wrong.message = `${what}: ${wrong.message}`;
    throw wrong;
  }
}

/** Runs once with the inputs of a case, if it has any. */
export function runInputs(session: SessionLike, one: Case): Promise<Record<string, Tensor>> | undefined {
  return one.inputs === undefined ? undefined : run(session, one.inputs, one.run_options ?? {});
}

export function load(one: Case, places: Places): Promise<Outcome> {
  return withSession(one, places, async (session) => {
    const outputs = await runInputs(session, one);
    return { outputs, json: asJson(session.report()) };
  });
}

export function runOnce(one: Case, places: Places): Promise<Outcome> {
  return withSession(one, places, async (session) => ({ outputs: await runInputs(session, one) }));
}

export function busy(one: Case, places: Places): Promise<Outcome> {
  return withSession(one, places, async (session) => ({ outputs: await runWhileBusy(session, one) }));
}

export function info(one: Case, places: Places): Promise<Outcome> {
  return withSession(one, places, (session) => {
    const { inputs, outputs, overridableInitializers } = session;
    return Promise.resolve({ json: asJson({ inputs, outputs, overridable_initializers: overridableInitializers }) });
  });
}

export function metrics(one: Case, places: Places): Promise<Outcome> {
  return withSession(one, places, (session) => Promise.resolve({ json: asJson(session.metrics().metrics) }));
}

export function metricsTextOf(one: Case, places: Places): Promise<Outcome> {
  return withSession(one, places, (session) =>
    Promise.resolve({ text: metricsText({ [one.session_name as string]: session }) }),
  );
}

export function bind(one: Case, places: Places): Promise<Outcome> {
  return withSession(one, places, async (session) => {
    const memory = Object.entries(one.memory ?? {}).map(([name, said]) => [name, zeros(said)] as const);
    const ties = Object.fromEntries((one.ties ?? []).map((tie) => [tie.output, tie.input]));
    const shapes = { ...one.shapes, ...Object.fromEntries(memory) };
    const binding = await session.bind({ shapes, ties } satisfies BindOptions);
    const kept = { ...binding.inputs };
    for (const [number, step] of (one.steps ?? []).entries()) {
      await judgePart(`step ${number}`, step.expect, async () => {
        set(binding.inputs, step);
        return controlled(step.run_options ?? {}, (options) => binding.run(options));
      });
    }
    if (Object.keys(kept).some((name) => kept[name] !== binding.inputs[name])) throw new Wrong("an input has moved");
    checkMemory(Object.fromEntries(memory), one);
    return {};
  });
}

function zeros({ dtype, shape }: { dtype: string; shape: number[] }): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return values.tensor({ dtype, shape, data: Array<number>(count).fill(0) });
}

function set(inputs: Readonly<Record<string, Tensor>>, step: Step): void {
  for (const [name, stored] of Object.entries(step.set ?? {})) {
    const [own, given] = [inputs[name] as Tensor, values.tensor(stored)];
    if (own.toString() !== given.toString())
      throw new Wrong(`input \`${name}\` is bound as ${own}, but set as ${given}`);
    (own.data as Uint8Array).set(given.data as Uint8Array);
  }
}

/** After the last step the caller's memory holds the outputs that were expected last. */
function checkMemory(memory: Record<string, Tensor>, one: Case): void {
  const expected = (one.steps ?? []).filter((step) => step.expect?.outputs !== undefined).at(-1)?.expect?.outputs ?? {};
  for (const [name, tensor] of Object.entries(memory)) {
    const stored = expected[name];
    if (stored !== undefined) values.check(`the caller's memory of \`${name}\``, tensor, stored, 0);
  }
}
