/** Where tests find models and keep files of their own. */

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { pathToFileURL } from "node:url";

const {
  ORTLET_TEST_REPOSITORY: REPOSITORY = ".",
  ORTLET_TEST_MODELS: MODELS,
  ORTLET_TEST_NPM: NPM = ".",
} = process.env;

/** The root of the sources. */
export const repository = REPOSITORY;

/** A small model of the conformance suite. */
export function fixture(name: string): string {
  return join(REPOSITORY, "tests/conformance/fixtures", name);
}

/** A real model; skips the test where there are none, which only CI has to have. */
export function realModel(test: TestContext, name: string): string | undefined {
  const path = join(MODELS ?? "", name);
  if (MODELS !== undefined && existsSync(path)) return path;
  if (process.env.CI !== undefined) throw new Error(`ORTLET_TEST_MODELS has no ${name}`);
  test.skip("ORTLET_TEST_MODELS is not set");
  return undefined;
}

/** A folder that is gone after the test. */
export async function temporary(test: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ortlet-"));
  test.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A part of the package that is not public, by the file of its source. */
export function internal(path: string): Promise<Record<string, never>> {
  return import(pathToFileURL(join(NPM, "scripts", path)).href) as Promise<Record<string, never>>;
}
