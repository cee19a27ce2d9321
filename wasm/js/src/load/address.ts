/** What is known of the content of an address, so that a later visit need not download it again. */

import { throwIfAborted } from "../api/errors.js";
import type { Store } from "../platform/platform.js";
import { addressKey } from "./key.js";
import { addressOf, type Source, type Validators } from "./source.js";

/** What an address had the last time. */
interface Note extends Validators {
  readonly address: string;
  readonly digest: string;
}

/** The digest that the content of an address has, probably. */
export interface Known {
  readonly digest: string;
  /** Whether the server could not be asked, so that the content may have changed. */
  readonly isOffline: boolean;
}

/** Remembers the digest of what an address gave. */
export async function remember(store: Store, source: Source, digest: string, validators: Validators): Promise<void> {
  const address = addressOf(source);
  if (address === undefined) return;
  const note: Note = { address, digest, etag: validators.etag, last_modified: validators.last_modified };
  await store.put(await addressKey(address), [new TextEncoder().encode(JSON.stringify(note))]);
}

/**
 * The digest of what an address has now: that of the last time if the server says that nothing has changed, or if there
 * is no server to be reached. `undefined` if only a download can tell.
 */
export async function stillKnown(
  store: Store,
  source: Source,
  requestInit: RequestInit | undefined,
  signal: AbortSignal | undefined,
): Promise<Known | undefined> {
  const address = addressOf(source);
  const note = address === undefined ? undefined : await noteOf(store, address);
  if (note === undefined || address === undefined) return undefined;
  const { digest } = note;
  const answer = await head(address, requestInit, signal);
  if (answer === "unreachable") return { digest, isOffline: true };
  return answer.ok && isSame(note, answer.headers) ? { digest, isOffline: false } : undefined;
}

async function noteOf(store: Store, address: string): Promise<Note | undefined> {
  const value = await store.get(await addressKey(address));
  if (value === undefined) return undefined;
  try {
    const note = JSON.parse(new TextDecoder().decode(value)) as Note;
    return note.address === address && typeof note.digest === "string" ? note : undefined;
  } catch {
    return undefined;
  }
}

async function head(
  address: string,
  requestInit: RequestInit | undefined,
  signal: AbortSignal | undefined,
): Promise<Response | "unreachable"> {
  try {
    const own: RequestInit = { method: "HEAD", cache: "no-cache", ...(signal === undefined ? {} : { signal }) };
    return await fetch(address, { ...requestInit, ...own });
  } catch {
    throwIfAborted(signal);
    return "unreachable";
  }
}

/** An entity tag says more than a date. */
function isSame(note: Note, headers: Headers): boolean {
  const etag = headers.get("etag");
  if (note.etag !== null && etag !== null) return note.etag === etag;
  const modified = headers.get("last-modified");
  return note.last_modified !== null && modified === note.last_modified;
}
