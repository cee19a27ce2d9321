/** The built package, models and the tests' pages, served to a visitor in a browser. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { visitor } from "./chromium.js";
import { TestServer, type Headers } from "./server.js";
import { visit, type Outcome } from "./visit.js";

/** A server and a visitor with storage of its own. */
export interface Site {
  readonly server: TestServer;
  /** Runs a scenario in a new page. */
  visit(scenario: `${string}/${string}`, input?: unknown): Promise<Outcome>;
  /** Every request of the visitor's went to this server. */
  assertStaysAtHome(): void;
  close(): Promise<void>;
}

/** Serves the package that `ORTLET_TEST_NPM` names. */
export async function serve(browser: Browser, headers: Headers = {}): Promise<Site> {
  const server = await TestServer.start(folders(), headers);
  const { context, urls } = await visitor(browser);
  return {
    server,
    visit: (scenario, input) => visit(context, server, scenario, input),
    assertStaysAtHome: () => {
      const away = urls.filter((url) => !url.startsWith(`${server.origin}/`) && !url.startsWith("data:"));
      assert.deepEqual(away, []);
      assert.ok(urls.length > 5, "the requests were not seen");
    },
    close: async () => {
      await context.close();
      await server.stop();
    },
  };
}

/** Serves, does something with it, and ends the serving. */
export async function withSite(browser: Browser, headers: Headers, work: (site: Site) => Promise<void>): Promise<void> {
  const site = await serve(browser, headers);
  try {
    await work(site);
  } finally {
    await site.close();
  }
}

function folders(): Record<string, string> {
  return {
    package: join(wanted("ORTLET_TEST_NPM"), "node_modules", "ortlet"),
    pages: join(wanted("ORTLET_TEST_REPOSITORY"), "wasm", "js", "tests", "browser", "pages"),
    models: join(wanted("ORTLET_TEST_REPOSITORY"), "tests", "conformance", "fixtures"),
    real: wanted("ORTLET_TEST_MODELS"),
  };
}

/** A variable that says where something is that the tests need. */
export function wanted(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`${variable} is not set: run \`cargo xtask test\``);
  return value;
}
