// @ts-check
// Measures the built package in Chromium, beside onnxruntime-web; told by one JSON argument, answers with one JSON line.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { serve } from "./server.mjs";

/** @typedef {{ name: string, dtype: string, dims: number[], start: number, modulus: number, divisor: number }} Input */
/** @typedef {{ name: string, file: string, inputs: Input[] }} Model */
/**
 * What to do: the project with the package, the folders of models, one for the browser's profile, how often.
 * @typedef {object} Order
 * @property {string} project
 * @property {Record<string, string>} folders
 * @property {string} profile
 * @property {number} rounds
 * @property {number} visits
 * @property {Model} floor
 * @property {Model[]} models
 */

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
const MACHINE = ["--no-sandbox", "--disable-gpu", "--disable-quic"];

/** Ways to visit a page, each as the query that the page reads. */
const VISITS = /** @type {const} */ ([
  ["onnxruntime-web", { engine: true }],
  ["ortlet", {}],
  ["ortlet, int8", { precision: "int8" }],
  ["ortlet, worker", { worker: true }],
]);

/** @type {Order} */
const order = JSON.parse(process.argv[2] ?? "");
const { chromium } = createRequire(join(order.project, "package.json"))("playwright-core");

const folders = { ...order.folders, package: join(order.project, "node_modules/ortlet"), bench: import.meta.dirname };
const server = await serve(folders);
rmSync(order.profile, { recursive: true, force: true });
mkdirSync(order.profile, { recursive: true });
const executablePath = [process.env["ORTLET_TEST_CHROMIUM"], ...PLACES].find((path) => path && existsSync(path));
const browser = await chromium.launchPersistentContext(order.profile, { executablePath, args: [...QUIET, ...MACHINE] });
try {
  const calls = [];
  for (const model of [order.floor, ...order.models]) calls.push(await compareCalls(model));
  const visits = [];
  for (const model of order.models) visits.push(await compareVisits(model));
  console.log(JSON.stringify({ browser: browserVersion(), calls, visits }));
} finally {
  await browser.close();
  server.stop();
}

/** Nanoseconds of single calls by way of calling, in one page. @param {Model} model */
async function compareCalls(model) {
  say(`${model.name}: calls`);
  const isFloor = model === order.floor;
  const repeats = isFloor ? { calls: 200, warmUp: 20 } : { calls: 4, warmUp: 1 };
  // int8 is for models whose time is that of their products.
  const precision = isFloor ? undefined : "int8";
  const values = await inPage({ scenario: "calls", model, rounds: order.rounds, precision, ...repeats });
  return { title: model.name, values: Object.entries(values) };
}

/** Milliseconds until the first output in new pages that have been visited before. @param {Model} model */
async function compareVisits(model) {
  /** @type {Record<string, number[]>} */
  const values = Object.fromEntries(VISITS.map(([name]) => [name, []]));
  for (let round = -1; round < order.visits; round += 1) {
    say(`${model.name}: visits, round ${round + 1}`);
    for (let turn = 0; turn < VISITS.length; turn += 1) {
      const [name, way] = VISITS[(round + 1 + turn) % VISITS.length] ?? VISITS[0];
      const { time, outcome } = await inPage({ scenario: "visit", model, ...way });
      if (round < 0) continue; // the first visit fills the caches
      if (!("engine" in way) && outcome !== "hit") throw new Error(`${name}: the cache said ${outcome}`);
      values[name]?.push(time);
    }
  }
  return { title: model.name, values: Object.entries(values) };
}

/** Does something in a page of its own. @param {{ scenario: string }} work */
async function inPage(work) {
  const page = await browser.newPage();
  try {
    const failed = new Promise((_, reject) => page.on("pageerror", reject));
    const done = page.goto(`${server.origin}/bench/page.html#${encodeURIComponent(JSON.stringify(work))}`)
      .then(() => page.evaluate(() => /** @type {any} */ (globalThis).outcome));
    return await Promise.race([done, failed]);
  } finally {
    await page.close();
  }
}

function browserVersion() {
  const said = spawnSync(executablePath ?? "", ["--version"], { encoding: "utf8" });
  return (said.stdout ?? "").trim();
}

/** @param {string} what */
function say(what) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
}
