// @ts-check
// The page: what is dropped, chosen or pasted is told by the session that the precision switch asks for.

import { OrtletError } from "ortlet";
import { byId, counted, milliseconds } from "./dom.js";
import * as latencyPanel from "./latency_panel.js";
import * as loadPanel from "./load_panel.js";
import * as magika from "./magika.js";
import * as model from "./model.js";
import * as modelPanel from "./model_panel.js";
import * as results from "./results.js";
import * as samples from "./samples.js";

/** @typedef {model.Precision} Precision */
/** @typedef {{ precision: Precision, session: import("ortlet").WorkerSession }} Ready */

/** Measured with the files of the reader if there are this many, else with the page's own. */
const ENOUGH_SAMPLES = 24;
const MEASURED_RUNS = 100;

/** What the switch says before a session tells how it went. @type {Record<Precision, string>} */
const NOTES = {
  original: "The model as it was published, with 32‑bit floats.",
  int8: "Quantized to 8 bits here, when it is first loaded, and kept like that in the browser’s cache.",
  auto: "Races 8 bits against the original on this device, with your files or this page’s own.",
};

/** Phases of a load as readers call them. @type {Record<string, string>} */
const WORDS = { check: "checking it", quantize: "quantizing", measure: "measuring", create: "preparing", warm_up: "first run" };

const status = byId("status", HTMLParagraphElement);
const progress = byId("progress", HTMLProgressElement);
const input = byId("input", HTMLInputElement);
const note = byId("precision-note", HTMLParagraphElement);
const clearButton = byId("clear", HTMLButtonElement);
const measureButton = byId("measure", HTMLButtonElement);

const config = model.config();
config.catch(() => undefined); // whoever needs it tells of the failure
/** @type {Set<results.Row>} */
const rows = new Set();
/** What the model was fed with, the newest last. @type {Int32Array[]} */
const seen = [];
let wish = new AbortController();
/** @type {Promise<Ready>} */
let ready = open("original");

/** @param {string} text @param {boolean} [bad] */
function say(text, bad = false) {
  status.textContent = text;
  status.classList.toggle("bad", bad);
}

/** @param {unknown} error */
function complain(error) {
  if (error instanceof OrtletError && error.code === "cancelled") return;
  say(error instanceof OrtletError ? `${error.message} (${error.code})` : String(error), true);
}

/**
 * Opens a session, shows how that went, and ends the one before.
 * @param {Precision} precision
 * @param {Promise<Ready>} [before]
 * @returns {Promise<Ready>}
 */
async function open(precision, before) {
  note.textContent = NOTES[precision];
  progress.classList.remove("done");
  say("Loading the model");
  const inputs = precision === "auto" ? await samplesForAuto() : [];
  const session = await model.open(precision, inputs, wish.signal, ({ phase, fraction }) => {
    if (fraction === undefined) progress.removeAttribute("value");
    else progress.value = fraction;
    say(`Loading the model: ${WORDS[phase] ?? phase}`);
  });
  progress.classList.add("done");
  await showLoaded(precision, session);
  before?.then((old) => old.session.dispose(), () => undefined);
  return { precision, session };
}

/** @returns {Promise<model.Inputs[]>} */
async function samplesForAuto() {
  const own = seen.map(model.inputs);
  return own.length >= ENOUGH_SAMPLES ? own : [...own, ...(await samples.inputsOfPage(await config))];
}

/** @param {Precision} precision @param {import("ortlet").WorkerSession} session */
async function showLoaded(precision, session) {
  const report = session.report();
  const isHit = report.cache.outcome === "hit";
  const phases = loadPanel.phasesOf(report);
  if (!isHit) model.rememberFirstVisit(precision, phases);
  loadPanel.show(phases, isHit ? model.firstVisit(precision) : undefined);
  if (report.precision) note.textContent = report.precision.verdict.replaceAll("`", "");
  const threads = report.engine.threads;
  badge("worker", "computes in a worker", true);
  badge("threads", `${counted(threads, "thread")}, ${crossOriginIsolated ? "isolated" : "not isolated"}`, threads > 1);
  badge("cache", isHit ? "from the cache" : report.cache.outcome === "stored" ? "now in the cache" : "not cached", isHit);
  measureButton.disabled = false;
  latencyPanel.show(precision, session.metrics());
  const warning = report.warnings[0];
  say(`Ready after ${milliseconds(report.phases.total_ns / 1e6)}${warning === undefined ? "" : `. ${warning}`}`);
}

/** @param {string} name @param {string} text @param {boolean} isOn */
function badge(name, text, isOn) {
  const item = byId(`badge-${name}`, HTMLLIElement);
  item.textContent = text;
  item.classList.toggle("on", isOn);
}

/** Switches to another precision; what is listed is told again with it. @param {Precision} precision */
function change(precision) {
  wish.abort();
  wish = new AbortController();
  const { signal } = wish;
  const before = ready;
  const opened = open(precision, before);
  // If it fails, the session before stays.
  ready = opened.catch(() => before);
  const isLatest = () => !signal.aborted;
  opened.then(() => tellAll([...rows]), (error) => (isLatest() ? keep(before, error) : undefined));
}

/** Shows that the session before stays, and why. @param {Promise<Ready>} before @param {unknown} reason */
async function keep(before, reason) {
  progress.classList.add("done");
  complain(reason);
  const { precision } = await before;
  note.textContent = NOTES[precision];
  for (const choice of document.querySelectorAll("#precision input")) {
    if (choice instanceof HTMLInputElement) choice.checked = choice.value === precision;
  }
}

/** @param {Iterable<File>} files */
function add(files) {
  const added = [...files].map((file) => new results.Row(file));
  for (const row of added) rows.add(row);
  clearButton.disabled = rows.size === 0;
  return tellAll(added);
}

/** @param {results.Row[]} given */
async function tellAll(given) {
  for (const row of given) {
    try {
      await tell(row);
    } catch (error) {
      row.fail(error instanceof OrtletError ? error.code : "cannot be read");
      complain(error);
    }
  }
  const { precision, session } = await ready;
  latencyPanel.show(precision, session.metrics());
  if (given.length > 0 && !status.classList.contains("bad")) say(`Told ${counted(given.length, "file")}`);
}

/** @param {results.Row} row */
async function tell(row) {
  const [settings, { precision, session }] = await Promise.all([config, ready]);
  const content = await magika.read(row.file, settings);
  if ("known" in content) return row.tell(content.known);
  seen.push(content.features);
  if (seen.length > 2 * ENOUGH_SAMPLES) seen.shift();
  const outputs = await session.run(model.inputs(content.features));
  const { label, score } = magika.label(/** @type {Float32Array} */ (outputs["target_label"]?.data), content.isText, settings);
  row.tell(label, score);
  latencyPanel.show(precision, session.metrics());
}

/** Runs the newest input often, so that the histogram has something to show. */
async function measure() {
  measureButton.disabled = true;
  const { precision, session } = await ready;
  const features = seen.at(-1) ?? new Int32Array(2048).fill(32);
  for (let run = 0; run < MEASURED_RUNS; run += 1) {
    await session.run(model.inputs(features));
    latencyPanel.show(precision, session.metrics());
  }
  say(`Ran ${counted(MEASURED_RUNS, "time")}`);
  measureButton.disabled = false;
}

byId("choose", HTMLButtonElement).addEventListener("click", () => input.click());
input.addEventListener("change", () => {
  void add(input.files ?? []);
  input.value = ""; // the same file may be chosen again
});
byId("samples", HTMLButtonElement).addEventListener("click", () => samples.files().then(add).catch(complain));
measureButton.addEventListener("click", () => measure().catch(complain));
clearButton.addEventListener("click", () => {
  rows.clear();
  results.clear();
  clearButton.disabled = true;
  byId("choose", HTMLButtonElement).focus();
});
byId("precision", HTMLFieldSetElement).addEventListener("change", (event) => {
  if (event.target instanceof HTMLInputElement) change(/** @type {Precision} */ (event.target.value));
});

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("dragging");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  void add(event.dataTransfer?.files ?? []);
});
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (files.length === 0 && text !== "") files.push(new File([text], "pasted text"));
  if (files.length > 0) void add(files);
});

function tellOfNetwork() {
  const words = "There is no network; the model comes from the browser’s cache.";
  byId("offline", HTMLParagraphElement).textContent = navigator.onLine
    ? "Once the model is in the browser’s cache, it needs no network."
    : words;
}
addEventListener("online", tellOfNetwork);
addEventListener("offline", tellOfNetwork);
tellOfNetwork();

ready.catch((error) => {
  progress.classList.add("done");
  complain(error);
});
ready.then(model.report).then(modelPanel.show).catch(complain);
