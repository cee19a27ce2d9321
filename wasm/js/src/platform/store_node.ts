/** Models kept by Node: files in a folder, each written whole under another name first. */

import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, readdir, rename, rm } from "node:fs/promises";
import { homedir, platform as system } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Store } from "./platform.js";

const SUFFIX = ".entry";
const TEMPORARY = ".tmp";

/** The store in a folder; `undefined` stands for the platform's folder for caches. */
export async function openNodeStore(folder: string | undefined): Promise<Store | { readonly reason: string }> {
  const path = folder ?? defaultFolder();
  try {
    // What is in it is run without further questions: nobody else may write there.
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
  return storeOf(path);
}

/** `ortlet/npm` in `$XDG_CACHE_HOME`, `~/.cache`, `~/Library/Caches` or `%LOCALAPPDATA%`. */
function defaultFolder(): string {
  const named = (name: string): string | undefined => {
    const value = process.env[name];
    return value !== undefined && isAbsolute(value) ? value : undefined;
  };
  const home = homedir();
  const caches: Partial<Record<NodeJS.Platform, string>> = {
    win32: named("LOCALAPPDATA") ?? join(home, "AppData", "Local"),
    darwin: join(home, "Library", "Caches"),
  };
  return join(caches[system()] ?? named("XDG_CACHE_HOME") ?? join(home, ".cache"), "ortlet", "npm");
}

function storeOf(folder: string): Store {
  const file = (key: string): string => join(folder, encodeURIComponent(key) + SUFFIX);
  return {
    name: folder,
    async get(key) {
      try {
        const content = await readFile(file(key));
        return new Uint8Array(content.buffer, content.byteOffset, content.length);
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },
    async put(key, parts) {
      const temporary = join(folder, randomUUID() + TEMPORARY);
      try {
        await write(temporary, parts);
        await rename(temporary, file(key));
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw error;
      }
    },
    async delete(key) {
      try {
        await rm(file(key));
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },
    async keys() {
      const names = (await readdir(folder)).filter((name) => name.endsWith(SUFFIX));
      return names.map((name) => decodeURIComponent(name.slice(0, -SUFFIX.length)));
    },
  };
}

/** On disk before it gets its name, so that a crash of the system leaves no half of it. */
async function write(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for (const part of parts) {
      for (let at = 0; at < part.length; ) at += (await file.write(part, at)).bytesWritten;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "ENOENT";
}
