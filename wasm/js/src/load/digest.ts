/** SHA-256 by the platform, which is several times faster than any code of ours. */

import { integrityError, invalidArgument, unsupported } from "../api/errors.js";

/** Whether there are digests: browsers have them on pages from https and localhost only. */
export function hasDigests(): boolean {
  return globalThis.crypto?.subtle !== undefined;
}

/** The digest in hex. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  if (!hasDigests()) {
    throw unsupported("SHA-256", "the page is not a secure context; serve it by https or from localhost");
  }
  const subtle = globalThis.crypto.subtle;
  // Of memory that is shared between threads there is no digest.
  const own = bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice();
  const digest = new Uint8Array(await subtle.digest("SHA-256", own));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The digest of a text. */
export function sha256OfText(text: string): Promise<string> {
  return sha256(new TextEncoder().encode(text));
}

/** A digest that a caller gave, in small letters. */
export function checkedDigest(digest: string): string {
  const lower = digest.toLowerCase();
  if (/^[0-9a-f]{64}$/.test(lower)) return lower;
  throw invalidArgument("sha256", "a SHA-256 has 64 hexadecimal digits");
}

/** Throws unless content has the digest that the caller expects. */
export function compareDigests(what: string, expected: string, actual: string): void {
  if (expected !== actual) throw integrityError(what, `its SHA-256 is ${actual}, not ${expected}`);
}
