/** Opens a page that runs a scenario, and waits for what comes of it. */

import type { BrowserContext, Page } from "playwright-core";
import type { TestServer } from "./server.js";

/** What a scenario came to. */
export interface Outcome {
  // biome-ignore lint/suspicious/noExplicitAny: each scenario gives something else
  readonly value?: any;
  readonly error?: { readonly name: string; readonly message: string; readonly stack?: string };
  /** Violations of the policy that the page itself saw. */
  readonly violations: readonly string[];
  readonly isolated: boolean;
}

const LIMIT_MS = 120_000;

/** Runs a scenario of a file of `pages/` in a new page, which is closed afterwards; its failure is this one's. */
export async function visit(
  context: BrowserContext,
  server: TestServer,
  scenario: `${string}/${string}`,
  input: unknown = {},
): Promise<Outcome> {
  const [file = "", name = ""] = scenario.split("/");
  // Behind the hash there is no limit to its length.
  const address = `${server.origin}/pages/index.html?file=${file}&scenario=${name}#${encodeURIComponent(JSON.stringify(input))}`;
  const page = await context.newPage();
  try {
    const [result] = await Promise.all([listen(page), page.goto(address)]);
    if (result.error !== undefined) throw new Error(`${scenario}: ${result.error.stack ?? result.error.message}`);
    return result;
  } finally {
    await page.close();
  }
}

function listen(page: Page): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the page said nothing in ${LIMIT_MS} ms`)), LIMIT_MS);
    const seen: string[] = [];
    page.on("pageerror", (error) => reject(error));
    page.on("crash", () => reject(new Error("the page crashed")));
    page.on("close", () => {
      clearTimeout(late);
      reject(new Error(`closed; it said: ${seen.join("\n")}`));
    });
    page.on("console", (message) => {
      const text = message.text();
      if (text.startsWith("outcome ")) resolve(JSON.parse(text.slice("outcome ".length)) as Outcome);
      else seen.push(text);
    });
  });
}
