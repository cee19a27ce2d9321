/** What an operation gave, and whether that is what its case expects. */

import { OrtletError, type Tensor } from "ortlet";
import { Wrong, type Expect, type Json } from "./cases.js";
import { check, checkError } from "./facts.js";
import { checkAll } from "./values.js";

/** Outputs of a run, and reports as JSON. */
export interface Outcome {
  outputs?: Record<string, Tensor> | undefined;
  json?: Json;
  report?: Json;
  model?: Json;
  text?: string;
}

/** Makes an attempt and fails unless it ends as expected. */
export async function judge(attempt: () => Promise<Outcome>, expect: Expect): Promise<void> {
  let outcome: Outcome;
  try {
    outcome = await attempt();
  } catch (error) {
    if (!(error instanceof OrtletError)) throw error;
    if (expect.error === undefined) throw new Wrong(`fails with ${error.code}: ${error.message}`, { cause: error });
    checkError(error, expect.error);
    return;
  }
  if (expect.error !== undefined) throw new Wrong(`succeeds, expected the error ${expect.error.code}`);
  checkOutcome(outcome, expect);
}

/** Fails unless all that is expected of a success is so. */
function checkOutcome(outcome: Outcome, expect: Expect): void {
  if (expect.outputs !== undefined) checkAll(outcome.outputs, expect.outputs, expect.tolerance ?? 0);
  const names = Object.keys(outcome.outputs ?? {});
  if (expect.output_names !== undefined && `${names}` !== `${expect.output_names}`) {
    throw new Wrong(`outputs are ${names.join()}, expected ${expect.output_names.join()}`);
  }
  for (const document of ["json", "report", "model"] as const) {
    check(document, outcome[document] ?? {}, expect[document] ?? {});
  }
  for (const line of expect.lines ?? []) {
    if (!outcome.text?.split("\n").includes(line)) throw new Wrong(`the line \`${line}\` is not in\n${outcome.text}`);
  }
}
