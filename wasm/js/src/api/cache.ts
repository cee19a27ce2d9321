/** What is in a cache of models, and clearing it. */

import { parsed } from "../load/entry.js";
import { isCurrent, isModelKey, isOurs } from "../load/key.js";
import { platform, type Store } from "../platform/platform.js";
import { unsupported } from "./errors.js";

/** A stored model. */
export interface CacheEntry {
  readonly kind: "model";
  /** The entry's name: a digest of everything that it depends on. */
  readonly key: string;
  /** The address or file that it was loaded from; `null` if the entry is damaged. */
  readonly model: string | null;
  /** The precision that it was loaded with. */
  readonly precision: string | null;
  readonly bytes: number;
  readonly created_unix_s: number | null;
  /** Whether this version of the package uses it; others are removed when the next model is stored. */
  readonly is_current: boolean;
}

/**
 * The models in a cache. `cache` is what the option of that name may be: the name of a cache of the browser's, in Node
 * a folder; `true` or nothing for the package's own.
 */
export async function cacheEntries(cache: string | true = true): Promise<CacheEntry[]> {
  return entriesOf(await open(cache));
}

/** Removes every stored model from a cache, and nothing else; gives what was removed. */
export async function cacheClear(cache: string | true = true): Promise<CacheEntry[]> {
  const store = await open(cache);
  const entries = await entriesOf(store);
  for (const key of (await store.keys()).filter(isOurs)) await store.delete(key);
  return entries;
}

async function open(cache: string | true): Promise<Store> {
  const store = await platform().openStore(cache === true ? undefined : cache);
  if ("reason" in store) throw unsupported("cache", store.reason);
  return store;
}

async function entriesOf(store: Store): Promise<CacheEntry[]> {
  const entries: CacheEntry[] = [];
  for (const key of (await store.keys()).filter(isModelKey)) {
    const value = await store.get(key);
    // Another tab or process may have removed it.
    if (value !== undefined) entries.push(entryOf(key, value));
  }
  return entries;
}

function entryOf(key: string, value: Uint8Array): CacheEntry {
  const about = { kind: "model", key, bytes: value.length, is_current: isCurrent(key) } as const;
  try {
    const { model, precision, created_unix_s } = parsed(key, value).head;
    return { ...about, model, precision, created_unix_s };
  } catch {
    return { ...about, model: null, precision: null, created_unix_s: null };
  }
}
