/** The cache of loaded models. It never makes a load fail: whatever is wrong with it is a warning. */

import { OrtletError } from "../api/errors.js";
import { platform, type Store } from "../platform/platform.js";
import { stillKnown, remember, type Known } from "./address.js";
import { hasDigests } from "./digest.js";
import { getEntry, putEntry, type Entry, type Head } from "./entry.js";
import { isCurrent, isOurs } from "./key.js";
import type { CachePart, EngineModel } from "./settings.js";
import type { Source, Validators } from "./source.js";

/** A cache that a load was told to use, and what came of it. */
export class Cache {
  readonly warnings: string[] = [];
  readonly part: CachePart;
  private wasDamaged = false;

  private constructor(private readonly store: Store | undefined) {
    this.part = { outcome: "off", folder: store?.name ?? null, key: null };
  }

  /** The cache that is wished for; one that is off if there is none. */
  static async open(wish: boolean | string): Promise<Cache> {
    if (wish === false) return new Cache(undefined);
    const opened = hasDigests()
      ? await openStore(wish === true ? undefined : wish)
      : { reason: "the page is not a secure context: serve it by https or from localhost" };
    if (!("reason" in opened)) return new Cache(opened);
    const cache = new Cache(undefined);
    cache.fail("not cached", opened.reason);
    return cache;
  }

  get isOn(): boolean {
    return this.store !== undefined;
  }

  /** Loads without the cache, and says why. */
  decline(reason: string): Cache {
    const off = new Cache(undefined);
    off.warnings.push(...this.warnings, `not cached: ${reason}`);
    return off;
  }

  /** What is known of an address. */
  async known(source: Source, requestInit?: RequestInit, signal?: AbortSignal): Promise<Known | undefined> {
    if (this.store === undefined) return undefined;
    try {
      return await stillKnown(this.store, source, requestInit, signal);
    } catch (error) {
      return this.giveUp("the cache cannot be read", error);
    }
  }

  /** The stored model. */
  async get(key: string): Promise<Entry | undefined> {
    if (this.store === undefined) return undefined;
    this.part.key = key;
    try {
      const entry = await getEntry(this.store, key);
      if (entry !== undefined) this.part.outcome = "hit";
      return entry;
    } catch (error) {
      this.wasDamaged = error instanceof OrtletError && error.code === "integrity";
      return this.giveUp("entry not usable", error);
    }
  }

  /** An entry turned out unusable after it was read. */
  reject(error: unknown): void {
    this.wasDamaged = true;
    this.giveUp("entry not usable", error);
  }

  /** Stores a model, and removes what other versions of the package have left. */
  async put(key: string, head: Omit<Head, "files">, model: EngineModel): Promise<void> {
    if (this.store === undefined) return;
    this.part.key = key;
    try {
      await putEntry(this.store, key, head, model);
      this.part.outcome = this.wasDamaged ? "healed" : "stored";
      await removeOthers(this.store);
    } catch (error) {
      this.fail("not cached", error);
    }
  }

  /** Keeps what an address gave. */
  async remember(source: Source, digest: string, validators: Validators | undefined): Promise<void> {
    if (this.store === undefined) return;
    try {
      await remember(this.store, source, digest, validators ?? { etag: null, last_modified: null });
    } catch (error) {
      if (this.part.outcome !== "failed") this.warn("not cached", error);
    }
  }

  private giveUp(what: string, error: unknown): undefined {
    if (error instanceof OrtletError && error.code === "cancelled") throw error;
    this.warn(what, error);
  }

  private fail(what: string, error: unknown): void {
    this.part.outcome = "failed";
    this.warn(what, error);
  }

  private warn(what: string, error: unknown): void {
    this.warnings.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function openStore(name: string | undefined): ReturnType<ReturnType<typeof platform>["openStore"]> {
  try {
    return await platform().openStore(name);
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Other versions would not use them, and this one cannot. */
async function removeOthers(store: Store): Promise<void> {
  for (const key of await store.keys()) {
    if (isOurs(key) && !isCurrent(key)) await store.delete(key);
  }
}
