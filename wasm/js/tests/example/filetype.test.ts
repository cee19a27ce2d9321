/** The page that tells the types of files: right, usable by keyboard alone, steady, and quick at the second visit. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { startChromium } from "../browser/chromium.js";
import { drop, Example, read, says, shown, wanted, type Shown, type Visit } from "./page.js";
import { reference } from "./reference.js";

const MODEL = "/models/magika/model.onnx";
const PHONE = { width: 360, height: 740 };

let browser: Browser;
let example: Example;
let folder: string;

before(async () => {
  browser = await startChromium();
  example = await Example.serve(browser);
  folder = mkdtempSync(join(tmpdir(), "ortlet-example-"));
});
after(async () => {
  example?.stop();
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("dropped files are what the reference says", async () => {
  const paths = [...files(), ...madeFiles()];
  const { page, complaints, close } = await ready();
  await drop(page, read(paths));
  await says(page, /^Told/);
  compare(await shown(page), paths);
  assert.ok(new Set((await shown(page)).map(({ label }) => label)).size > 8, "too few kinds of files to say anything");
  assert.deepEqual(complaints, []);
  await close();
});

test("the keyboard is enough", async () => {
  const { page, close } = await ready();
  await focusByTab(page, "choose");
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle), "none");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Enter")]);
  const paths = files().slice(0, 3);
  await chooser.setFiles(paths);
  await says(page, /^Told 3 files/);
  compare(await shown(page), paths);

  await focusByTab(page, "original");
  await page.keyboard.press("ArrowRight");
  await quantized(page);
  assert.equal(await page.locator("input[value=int8]").isChecked(), true);
  await focusByTab(page, "clear");
  await page.keyboard.press("Space");
  assert.deepEqual(await shown(page), []);
  assert.equal(await page.evaluate(() => document.activeElement?.id), "choose");
  await close();
});

test("pasted text is told too", async () => {
  const { page, close } = await ready();
  await page.evaluate((text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
  }, read([join(wanted("ORTLET_TEST_REPOSITORY"), "Cargo.toml")])[0]!.bytes.toString());
  await says(page, /^Told/);
  assert.deepEqual(
    (await shown(page)).map(({ name, label }) => [name, label]),
    [["pasted text", "toml"]],
  );
  await close();
});

test("8 bits tell the same of the page's own files", async () => {
  const { page, close } = await ready();
  await page.click("#samples");
  await says(page, /^Told/);
  const before = await shown(page);
  assert.deepEqual(before.map(({ label }) => label).sort(), [
    "css",
    "html",
    "javascript",
    "json",
    "markdown",
    "svg",
    "wasm",
  ]);
  await page.locator("input[value=int8]").check({ force: true });
  await quantized(page);
  const then = await shown(page);
  assert.deepEqual(
    then.map(({ label }) => label),
    before.map(({ label }) => label),
  );
  assert.notDeepEqual(then, before, "the scores are the original's to the last digit: nothing was quantized");
  await close();
});

test("the second visit asks for no model", async () => {
  const { page, asked, close } = await ready();
  assert.ok(asked.includes(MODEL));
  assert.equal(await page.textContent("#badge-cache"), "now in the cache");
  await page.locator("#model dt").first().waitFor();
  asked.length = 0;
  await page.reload();
  await says(page, /^Ready/);
  await page.locator("#model dt").first().waitFor();
  assert.ok(!asked.includes(MODEL), "the model was asked for again");
  assert.equal(await page.textContent("#badge-cache"), "from the cache");
  assert.match((await page.textContent("#load")) ?? "", /First visit.*This visit/);
  await close();
});

test("it is isolated, and steady on a phone", async () => {
  const { page, complaints, close } = await ready({ viewport: PHONE });
  assert.match((await page.textContent("#badge-threads")) ?? "", /isolated/);
  await page.locator("#model dt").first().waitFor();
  await page.click("#measure");
  await says(page, /^Ran 100 times/);
  assert.ok((await page.locator("#latency rect").count()) > 0);
  const [wider, shift] = await page.evaluate(async () => {
    const shifts = await new Promise<number>((resolve) => {
      const observer = new PerformanceObserver((list) => {
        resolve(list.getEntries().reduce((sum, entry) => sum + (entry as unknown as { value: number }).value, 0));
      });
      observer.observe({ type: "layout-shift", buffered: true });
      setTimeout(() => resolve(0), 500); // nothing is told where nothing has shifted
    });
    return [document.documentElement.scrollWidth - innerWidth, shifts] as const;
  });
  assert.ok(wider <= 0, `the page is ${wider} pixels too wide`);
  assert.ok(shift < 0.02, `the page has shifted by ${shift}`);
  assert.deepEqual(complaints, []);
  await close();
});

/** A visit whose model is ready. */
async function ready(options: Parameters<Example["visit"]>[0] = {}): Promise<Visit> {
  const visit = await example.visit(options);
  await says(visit.page, /^Ready/);
  return visit;
}

/** Waits until the model in 8 bits has told what is listed. */
async function quantized(page: Page): Promise<void> {
  await page.locator("#precision-note", { hasText: /layers were quantized/ }).waitFor();
  await says(page, /^Told/);
}

/** Real files of the repository and the package. */
function files(): string[] {
  const repository = [
    "examples/filetype/main.rs",
    "Cargo.toml",
    "README.md",
    "examples/filetype-python/main.py",
    "examples/web/style.css",
    "examples/web/index.html",
    "examples/web/main.js",
    "wasm/js/src/index.ts",
    "examples/filetype-c/main.c",
    "tests/conformance/fixtures/linear.onnx",
    "wasm/js/package/package.json",
    "LICENSE-MIT",
  ];
  return [
    ...repository.map((path) => join(wanted("ORTLET_TEST_REPOSITORY"), path)),
    join(wanted("ORTLET_TEST_NPM"), "node_modules/ortlet/dist/wasm/ortlet_session.wasm"),
    join(wanted("ORTLET_TEST_MODELS"), "magika/model.onnx"),
  ];
}

/** Files at the edges of what is cut from them. */
function madeFiles(): string[] {
  const contents: Record<string, string | Uint8Array> = {
    empty: "",
    short: "seven!!",
    spaces: " \t\n".repeat(3000),
    "spaces-then-text": `${" ".repeat(4090)}print(1)`,
    "cut-letter": `${"x".repeat(4095)}ä and more`,
    noise: Uint8Array.from({ length: 5000 }, (_, at) => (at * at * 31 + (at >> 3) * 7) & 255),
  };
  return Object.entries(contents).map(([name, content]) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  });
}

function compare(rows: readonly Shown[], paths: readonly string[]): void {
  const expected = reference(paths);
  assert.equal(rows.length, expected.length);
  rows.forEach(({ name, label, score }, at) => {
    const right = expected[at]!;
    assert.equal(label, right.label, name);
    assert.equal(score === undefined, right.score === undefined, name);
    // What is shown has four digits.
    if (score !== undefined) assert.ok(Math.abs(score - right.score!) < 0.001, `${name}: ${score}, not ${right.score}`);
  });
}

/** Presses Tab until the element of this id or value has the focus. */
async function focusByTab(page: Page, wish: string): Promise<void> {
  for (let press = 0; press < 20; press += 1) {
    const { id, value } = await page.evaluate(() => {
      const { id = "", value = "" } = (document.activeElement ?? {}) as { id?: string; value?: string };
      return { id, value };
    });
    if (id === wish || value === wish) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`Tab does not reach ${wish}`);
}
