/** Opens an application in Chromium and waits for what it says in the console. */

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { visitor } from "../browser/chromium.js";
import { type Headers, TestServer } from "../browser/server.js";
import { wanted } from "../browser/site.js";

/** What a model gave. */
export interface Result {
  readonly y: readonly number[];
  readonly shape: readonly number[];
  readonly threads: number;
}

/** What an application says. */
export interface Said {
  readonly isolated: boolean;
  readonly violations: readonly string[];
  readonly value?: Readonly<Record<"page" | "worker" | "quantizedOnPage" | "quantizedInWorker", Result>>;
  readonly error?: { readonly message: string; readonly stack?: string };
}

const LIMIT_MS = 60_000;
/** Of `linear` for the numbers from 1 to 6. */
const EXPECTED = [32, 18, 59, 54];

/** A server of what was made of an application, and of models. */
export async function serve(dist: string, headers: Headers): Promise<TestServer> {
  const entries = (await readdir(dist)).map((name) => [name, join(dist, name)]);
  const models = join(wanted("ORTLET_TEST_REPOSITORY"), "tests/conformance/fixtures");
  return TestServer.start({ ...Object.fromEntries(entries), models }, headers);
}

/** What the application at an address says. Everything it asks for has to be there, and at home. */
export async function open(browser: Browser, origin: string): Promise<Said> {
  const { context, urls } = await visitor(browser);
  const lacking: string[] = [];
  context.on("response", (response) => {
    if (response.status() >= 400 && !response.url().endsWith("/favicon.ico")) lacking.push(response.url());
  });
  try {
    const page = await context.newPage();
    const seen: string[] = [];
    const said = new Promise<Said>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`nothing came; the console has: ${seen.join("\n")}`)), LIMIT_MS);
      page.on("pageerror", (error) => seen.push(error.stack ?? error.message));
      page.on("console", (message) => {
        seen.push(message.text());
        if (!message.text().startsWith("outcome ")) return;
        clearTimeout(late);
        resolve(JSON.parse(message.text().slice("outcome ".length)) as Said);
      });
    });
    await page.goto(`${origin}/index.html`);
    const result = await said;
    assert.equal(result.error, undefined, `${result.error?.stack ?? ""}\nthe console has: ${seen.join("\n")}`);
    assert.deepEqual(lacking, []);
    assert.deepEqual(
      urls.filter((url) => !url.startsWith(`${origin}/`)),
      [],
    );
    return result;
  } finally {
    await context.close();
  }
}

/** Whether a model gave on the page and in the worker what it has to, as it is and quantized. */
export function assertComputes(said: Said, isolated: boolean): void {
  assert.equal(said.isolated, isolated);
  assert.deepEqual(said.violations, []);
  assert.ok(said.value);
  const { page, worker, quantizedOnPage, quantizedInWorker } = said.value;
  for (const result of [page, worker]) assert.deepEqual(result.y, EXPECTED);
  assert.deepEqual(quantizedInWorker.y, quantizedOnPage.y);
  for (const [at, y] of quantizedOnPage.y.entries()) {
    assert.ok(Math.abs(y - (EXPECTED[at] ?? NaN)) < 1, `${quantizedOnPage.y} is not near ${EXPECTED}`);
  }
  for (const result of Object.values(said.value)) {
    assert.deepEqual(result.shape, [2, 2]);
    // More threads than one only where memory can be shared.
    assert.ok(isolated ? result.threads >= 1 : result.threads === 1);
  }
}
