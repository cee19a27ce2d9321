/** Errors: one class, with the codes and facts that they have in every language. */

import type { ErrorCode } from "../generated/words.js";

export { ERROR_CODES, type ErrorCode } from "../generated/words.js";

/** The facts: the fields of this kind of error, named as in every language. */
export interface ErrorDetails {
  readonly code: ErrorCode;
  readonly message: string;
  readonly [fact: string]: unknown;
}

/**
 * Whatever goes wrong in Ortlet. The message says what and where, `code` is for programs.
 *
 * `name` is what the platform calls such an error: `AbortError` for `cancelled`, `TimeoutError` for
 * `deadline_exceeded`, else `OrtletError`.
 */
export class OrtletError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, facts: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = { ...facts, code, message };
    this.name = code === "cancelled" ? "AbortError" : code === "deadline_exceeded" ? "TimeoutError" : "OrtletError";
  }

  /** The details, as `JSON.stringify` writes them. */
  toJSON(): ErrorDetails {
    return this.details;
  }

  /** The error of details that another thread or our Rust code has sent. */
  static of(details: ErrorDetails, options?: ErrorOptions): OrtletError {
    return ofDetails(details, options);
  }
}

// Outside, because bundlers rename a class that names itself.
function ofDetails(details: ErrorDetails, options?: ErrorOptions): OrtletError {
  return new OrtletError(details.code, details.message, details, options);
}

/** An argument or option has a value that can never work. */
export function invalidArgument(argument: string, reason: string, options?: ErrorOptions): OrtletError {
  const message = `invalid argument \`${argument}\`: ${reason}`;
  return new OrtletError("invalid_argument", message, { argument, reason }, options);
}

/** What is asked for is not there; says what is. */
export function notFound(what: string, name: string, available: readonly string[]): OrtletError {
  const list = available.length > 0 ? ` (available: ${available.join(", ")})` : "";
  return new OrtletError("not_found", `${what} \`${name}\` not found${list}`, { what, name, available });
}

/** Something is needed that is not to be had here. */
export function unsupported(what: string, reason: string): OrtletError {
  return new OrtletError("unsupported", `unsupported ${what}: ${reason}`, { what, reason });
}

/** A tensor has another type or shape than it has to have. */
export function tensorMismatch(tensor: string, expected: string, actual: string): OrtletError {
  const message = `tensor \`${tensor}\`: expected ${expected}, got ${actual}`;
  return new OrtletError("tensor_mismatch", message, { tensor, expected, actual });
}

/** The engine failed. */
export function runtimeFailed(operation: string, cause: unknown): OrtletError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `ONNX Runtime failed to ${operation}: ${reason}`;
  return new OrtletError("runtime_failed", message, { operation, reason }, { cause });
}

/** Something could not be read or written. */
export function ioError(operation: string, path: string, reason: string, cause?: unknown): OrtletError {
  const message = `cannot ${operation} \`${path}\`: ${reason}`;
  return new OrtletError("io", message, { operation, path, reason, os_code: null }, { cause });
}

/** Content is not what it was said to be. */
export function integrityError(what: string, reason: string): OrtletError {
  return new OrtletError("integrity", `integrity of ${what}: ${reason}`, { what, reason });
}

/** The caller has given up. */
export function cancelled(reason?: unknown): OrtletError {
  return new OrtletError("cancelled", "cancelled", {}, { cause: reason });
}

/** It took longer than the caller allowed. */
export function deadlineExceeded(elapsedNs: number, budgetNs: number): OrtletError {
  const [elapsed_ns, budget_ns] = [Math.round(elapsedNs), Math.round(budgetNs)];
  const message = `deadline exceeded: ${elapsed_ns} ns elapsed of a budget of ${budget_ns} ns`;
  return new OrtletError("deadline_exceeded", message, { elapsed_ns, budget_ns });
}

/** The same error, whose message says first where it happened. */
export function inContext(context: string, error: unknown): unknown {
  if (!(error instanceof OrtletError)) return error;
  return new OrtletError(error.code, `${context}: ${error.message}`, error.details, { cause: error.cause });
}

/** Rejects what was given up already. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(signal.reason);
}
