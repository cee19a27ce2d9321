/** Cases as they lie in the files of the suite. A field that is not known is a mistake: nobody would look at it. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const repository = process.env.ORTLET_TEST_REPOSITORY;
if (repository === undefined) throw new Error("ORTLET_TEST_REPOSITORY has to name the repository's root");

export const SUITE = join(repository, "tests", "conformance");

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

export interface StoredTensor {
  dtype: string;
  shape: number[];
  data: (number | string | boolean)[];
}

/** A value as a case writes it. Only tensors go through engines in JavaScript. */
export type Stored =
  | StoredTensor
  | { sequence: Stored[] }
  | { map: { keys: StoredTensor; values: StoredTensor } }
  | { optional: Stored | null };

export type StoredByName = Record<string, Stored>;

export interface RunOptions {
  outputs?: string[];
  deadline_ns?: number;
  cancelled?: boolean;
  cancel_after_ns?: number;
}

export interface ExpectedError {
  code: string;
  details?: JsonObject;
  message_contains?: string[];
}

export interface Expect {
  outputs?: StoredByName;
  output_names?: string[];
  tolerance?: number;
  error?: ExpectedError;
  json?: JsonObject;
  report?: JsonObject;
  model?: JsonObject;
  lines?: string[];
}

export interface Run {
  inputs: StoredByName;
  run_options?: RunOptions;
  expect?: Expect;
}

export interface Step {
  set?: Record<string, StoredTensor>;
  run_options?: RunOptions;
  expect?: Expect;
}

export type Preparation = Record<string, JsonObject>;

export interface Case {
  name: string;
  operation: string;
  may_skip?: string;
  process?: string;
  prepare?: Preparation[];
  fixture?: string;
  path?: string;
  bytes?: string;
  options?: JsonObject;
  inputs?: StoredByName;
  run_options?: RunOptions;
  runs?: Run[];
  busy?: StoredByName;
  shapes?: Record<string, number[]>;
  memory?: Record<string, { dtype: string; shape: number[] }>;
  ties?: { output: string; input: string }[];
  steps?: Step[];
  samples?: StoredByName[];
  mode?: string;
  tool_options?: JsonObject;
  session_name?: string;
  expect?: Expect;
}

/** What may be said of each part of a case. `README.md` of the suite describes every field. */
const FIELDS: Record<string, readonly string[]> = {
  file: ["about", "cases"],
  case: (
    "name operation why may_skip process environment prepare fixture path bytes options inputs run_options runs " +
    "busy shapes memory ties steps samples mode tool_options load_options artifact run_count session_name expect"
  ).split(" "),
  run: ["inputs", "run_options", "expect"],
  step: ["set", "run_options", "expect"],
  run_options: ["outputs", "deadline_ns", "cancelled", "cancel_after_ns"],
  memory: ["dtype", "shape"],
  tie: ["output", "input"],
  expect: ["outputs", "output_names", "tolerance", "error", "json", "report", "model", "lines"],
  error: ["code", "details", "message_contains"],
  compile: ["fixture", "to"],
  load: ["path", "options"],
  copy: ["fixture", "to"],
  write: ["to", "bytes"],
  damage: ["file", "offset", "xor"],
  cut: ["file", "length"],
};
const PREPARATIONS = ["compile", "load", "copy", "write", "damage", "cut"];

/** Something is not as the case says, or the case itself is mistaken. */
export class Wrong extends Error {
  override readonly name = "Wrong";
}

/** The binding cannot do what the case asks for, and says why. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}

/** Names of the suite's files. */
export function files(): string[] {
  return readdirSync(SUITE)
    .filter((name) => name.endsWith(".json"))
    .sort();
}

/** Every case of the suite, each checked, as pairs of its file's name and itself. */
export function allCases(): [string, Case][] {
  return files().flatMap((file) => readFile(file).map((one): [string, Case] => [file, one]));
}

function readFile(name: string): Case[] {
  const content = JSON.parse(readFileSync(join(SUITE, name), "utf8")) as { cases: Case[] };
  checkFields("file", content);
  content.cases.forEach(checkCase);
  return content.cases;
}

/** Fails if a part of a case has a field that it cannot have. */
function checkFields(what: string, given: object): void {
  for (const name of Object.keys(given)) {
    if (!FIELDS[what]?.includes(name)) throw new Wrong(`\`${what}\` has no field \`${name}\``);
  }
}

/** Fails if a case has an unknown field anywhere. */
export function checkCase(one: Case): void {
  checkFields("case", one);
  if ((one.process ?? "fresh") !== "fresh") throw new Wrong(`no process is called ${one.process}`);
  checkRun(one);
  one.prepare?.forEach(checkPreparation);
  for (const run of one.runs ?? []) {
    checkFields("run", run);
    checkRun(run);
  }
  for (const step of one.steps ?? []) {
    checkFields("step", step);
    checkRun(step);
  }
  for (const tie of one.ties ?? []) checkFields("tie", tie);
  for (const memory of Object.values(one.memory ?? {})) checkFields("memory", memory);
}

/** What cases, runs and steps have in common. */
function checkRun(run: { run_options?: RunOptions; expect?: Expect }): void {
  checkFields("run_options", run.run_options ?? {});
  checkFields("expect", run.expect ?? {});
  checkFields("error", run.expect?.error ?? {});
}

/** A preparation has one field, which says what is done. */
function checkPreparation(preparation: Preparation): void {
  const [kind, ...others] = Object.keys(preparation);
  if (kind === undefined || others.length > 0 || !PREPARATIONS.includes(kind)) {
    throw new Wrong(`no preparation is called ${Object.keys(preparation).join()}`);
  }
  checkFields(kind, preparation[kind] as JsonObject);
}

/** The codes of errors that a case expects, in its runs and steps too. */
export function expectedCodes(one: Case): string[] {
  const parts = [one, ...(one.runs ?? []), ...(one.steps ?? [])];
  return parts.flatMap((part) => (part.expect?.error === undefined ? [] : [part.expect.error.code]));
}
