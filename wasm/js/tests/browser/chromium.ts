/** Chromium for tests, with a log of every request of every page and worker in it. */

import { existsSync } from "node:fs";
import { chromium, type Browser, type BrowserContext } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Where the browser is: `ORTLET_TEST_CHROMIUM`, else a usual place. */
export function chromiumPath(): string | undefined {
  return [process.env.ORTLET_TEST_CHROMIUM, ...PLACES].find((path) => path !== undefined && existsSync(path));
}

/** Starts the browser. It reaches no other machine, whatever a page asks for. */
export async function startChromium(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error("no Chromium: set ORTLET_TEST_CHROMIUM");
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
  const machine = ["--no-sandbox", "--disable-gpu", "--disable-quic"];
  const alone = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];
  // Tests of memory collect garbage themselves.
  const memory = ["--js-flags=--expose-gc", "--enable-precise-memory-info"];
  return chromium.launch({ executablePath, headless: true, args: [...quiet, ...machine, ...alone, ...memory] });
}

/** A visitor: storage of its own, and the URLs of all that was asked for. */
export async function visitor(browser: Browser): Promise<{ context: BrowserContext; urls: string[] }> {
  const context = await browser.newContext();
  const urls: string[] = [];
  context.on("request", (request) => urls.push(request.url()));
  return { context, urls };
}
