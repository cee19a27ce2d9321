/** The example's own server, its page in Chromium, and what a reader of the page does. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";

/** A row of the list of files. */
export interface Shown {
  readonly name: string;
  readonly label: string;
  readonly score: number | undefined;
}

/** A page that was opened, with what it asked for and complained of. */
export interface Visit {
  readonly page: Page;
  /** Paths of the requests. */
  readonly asked: string[];
  /** Errors on the console, violations of the policy among them. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export class Example {
  private constructor(
    private readonly browser: Browser,
    private readonly server: ChildProcess,
    readonly url: string,
  ) {}

  static async serve(browser: Browser): Promise<Example> {
    const script = join(wanted("ORTLET_TEST_REPOSITORY"), "examples/web/serve.mjs");
    const places = ["--package", join(wanted("ORTLET_TEST_NPM"), "node_modules/ortlet")];
    const models = ["--models", wanted("ORTLET_TEST_MODELS")];
    const stdio: ["ignore", "pipe", "inherit"] = ["ignore", "pipe", "inherit"];
    const server = spawn(process.execPath, [script, "--port", "0", ...places, ...models], { stdio });
    const [said] = (await once(server.stdout, "data")) as [Buffer];
    return new Example(browser, server, said.toString().trim());
  }

  /** A new reader, whose browser has nothing in its cache. */
  async visit(options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await this.browser.newContext(options);
    const page = await context.newPage();
    const asked: string[] = [];
    const complaints: string[] = [];
    context.on("request", (request) => asked.push(new URL(request.url()).pathname));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    // Choosers are told of from the first listener on, and it takes a while until the browser knows.
    page.on("filechooser", () => undefined);
    await page.goto(this.url);
    return { page, asked, complaints, close: () => context.close() };
  }

  stop(): void {
    this.server.kill();
  }
}

/** Waits for what the page says. */
export async function says(page: Page, words: RegExp): Promise<void> {
  await page.locator("#status", { hasText: words }).waitFor();
}

/** Drops files on the page. */
export async function drop(page: Page, files: readonly { name: string; bytes: Buffer }[]): Promise<void> {
  const contents = files.map(({ name, bytes }) => [name, bytes.toString("base64")] as const);
  const transfer = await page.evaluateHandle((given) => {
    const data = new DataTransfer();
    for (const [name, text] of given) {
      data.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name));
    }
    return data;
  }, contents);
  await page.dispatchEvent("#drop", "drop", { dataTransfer: transfer });
}

/** Files of the disk, as they are dropped. */
export function read(paths: readonly string[]): { name: string; bytes: Buffer }[] {
  return paths.map((path) => ({ name: basename(path), bytes: readFileSync(path) }));
}

/** The rows, the oldest first. */
export async function shown(page: Page): Promise<Shown[]> {
  const rows = await page
    .locator("#results li")
    .evaluateAll((items) =>
      items.map((item) => ["name", "label", "score"].map((part) => item.querySelector(`.${part}`)?.textContent ?? "")),
    );
  return rows
    .map(([name = "", label = "", score = ""]) => ({
      name,
      label,
      score: score === "" ? undefined : parseFloat(score) / 100,
    }))
    .reverse();
}

export function wanted(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`${variable} is not set: run \`cargo xtask test\``);
  return value;
}
