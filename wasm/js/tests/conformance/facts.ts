/** Facts of JSON reports and of errors, each named by a JSON pointer. */

import type { OrtletError } from "ortlet";
import { Wrong, type ExpectedError, type Json, type JsonObject } from "./cases.js";

/** What a report is as JSON, by way of text, so that nothing but JSON can be in it. */
export function asJson(report: unknown): Json {
  return JSON.parse(JSON.stringify(report)) as Json;
}

/** Fails unless every fact is so. `what` is what the report is called in failures. */
export function check(what: string, report: Json, facts: JsonObject): void {
  for (const [pointer, expected] of Object.entries(facts)) {
    const actual = follow(report, pointer);
    if (holds(actual, expected)) continue;
    const said = actual === undefined ? "absent" : JSON.stringify(actual);
    throw new Wrong(
      `${what} ${pointer} is ${said}, expected ${JSON.stringify(expected)}\nof ${JSON.stringify(report)}`,
    );
  }
}

/** Fails unless an error is the expected one. */
export function checkError(error: OrtletError, expected: ExpectedError): void {
  if (error.code !== expected.code) {
    throw new Wrong(`fails with ${error.code}: ${error.message}; expected the code ${expected.code}`);
  }
  check("details", asJson(error), expected.details ?? {});
  for (const part of expected.message_contains ?? []) {
    if (!error.message.includes(part)) throw new Wrong(`\`${part}\` is not in the message: ${error.message}`);
  }
}

/** What a JSON pointer leads to; `undefined` if that is nothing. */
function follow(document: Json, pointer: string): Json | undefined {
  if (pointer !== "" && !pointer.startsWith("/")) throw new Wrong(`\`${pointer}\` is no JSON pointer`);
  let at: Json | undefined = document;
  for (const part of pointer.split("/").slice(1)) {
    at = member(at, part.replaceAll("~1", "/").replaceAll("~0", "~"));
  }
  return at;
}

function member(document: Json | undefined, name: string): Json | undefined {
  if (Array.isArray(document)) return /^\d+$/.test(name) ? document[Number(name)] : undefined;
  if (typeof document !== "object" || document === null || !Object.hasOwn(document, name)) return undefined;
  return document[name];
}

const PROPERTIES: Record<string, (actual: Json, operand: Json) => boolean> = {
  $type: (actual, operand) => kind(actual) === operand,
  $at_least: (actual, operand) => typeof actual === "number" && actual >= (operand as number),
  $at_most: (actual, operand) => typeof actual === "number" && actual <= (operand as number),
  $length: (actual, operand) => isCollection(actual) && Object.keys(actual).length === operand,
  $contains: contains,
};

/** Whether a value is the expected one, or has the property that an object with one key `$…` says. */
function holds(actual: Json | undefined, expected: Json): boolean {
  const keys = kind(expected) === "object" ? Object.keys(expected as JsonObject) : [];
  const [name] = keys;
  if (keys.length !== 1 || !name?.startsWith("$")) return actual !== undefined && same(actual, expected);
  const operand = (expected as JsonObject)[name] as Json;
  if (name === "$present") return (actual !== undefined) === operand;
  const property = PROPERTIES[name];
  if (property === undefined) throw new Wrong(`no property is called ${name}`);
  return actual !== undefined && property(actual, operand);
}

function isCollection(value: Json): value is Json[] | JsonObject {
  return typeof value === "object" && value !== null;
}

function kind(value: Json): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function contains(actual: Json, operand: Json): boolean {
  if (typeof actual === "string") return typeof operand === "string" && actual.includes(operand);
  return Array.isArray(actual) && actual.some((element) => same(element, operand));
}

/** Equal, objects regardless of order. */
function same(actual: Json, expected: Json): boolean {
  if (kind(actual) !== kind(expected)) return false;
  if (!isCollection(expected)) return actual === expected;
  const [own, other] = [actual as JsonObject, expected as JsonObject];
  const names = Object.keys(other);
  const isEqual = (name: string) => Object.hasOwn(own, name) && same(own[name] as Json, other[name] as Json);
  return Object.keys(own).length === names.length && names.every(isEqual);
}
