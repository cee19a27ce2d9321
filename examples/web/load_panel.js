// @ts-check
// Bars of what the time until the session was ready went into: now, and when nothing was in the cache.

import { byId, element, milliseconds } from "./dom.js";

/** @typedef {import("./model.js").Phases} Phases */

/** What the bars show: a name and the fields of the report that make it up. */
const PARTS = /** @type {const} */ ([
  ["download", ["download_ns"]],
  ["check", ["check_ns", "digest_ns", "map_ns"]],
  ["quantize", ["quantize_ns"]],
  ["engine", ["runtime_ns"]],
  ["create", ["create_ns"]],
  ["first run", ["warm_up_ns"]],
  ["store", ["store_ns"]],
  ["other", []],
]);

const panel = byId("load", HTMLDivElement);

/**
 * The phases of a load in milliseconds.
 * @param {import("ortlet").SessionReport} report
 * @returns {Phases}
 */
export function phasesOf(report) {
  const phases = /** @type {Record<string, number>} */ (/** @type {unknown} */ (report.phases));
  /** @type {Phases} */
  const parts = PARTS.map(([name, fields]) => [name, fields.reduce((sum, field) => sum + (phases[field] ?? 0), 0) / 1e6]);
  const rest = report.phases.total_ns / 1e6 - total(parts);
  for (const part of parts) {
    if (part[0] === "other" && rest > 0) part[1] = rest;
    // The engine starts while the model is downloaded: what counts is how long that takes beyond.
    if (part[0] === "engine" && rest < 0) part[1] = Math.max(0, part[1] + rest);
  }
  return parts;
}

/** @param {Phases} now @param {Phases | undefined} first the same of the first visit, if this is a later one */
export function show(now, first) {
  const longest = Math.max(total(now), first === undefined ? 0 : total(first));
  const visits = first === undefined ? [visit("First visit", now, longest)] : [
    visit("First visit", first, longest),
    visit("This visit", now, longest, total(first) / total(now)),
  ];
  panel.replaceChildren(...visits, legend(now));
}

/** @param {Phases} phases */
function total(phases) {
  return phases.reduce((sum, [, time]) => sum + time, 0);
}

/** @param {string} title @param {Phases} phases @param {number} longest @param {number} [ratio] */
function visit(title, phases, longest, ratio) {
  const stack = element("span", "stack");
  phases.forEach(([, time], at) => {
    const part = element("i", "");
    part.style.width = `${(time / longest) * 100}%`;
    part.style.background = `var(--phase-${at})`;
    if (time > 0) stack.append(part);
  });
  const sooner = ratio !== undefined && ratio > 1.05 ? ` · ${ratio.toFixed(1)}× sooner` : "";
  const time = element("span", "", milliseconds(total(phases)) + sooner);
  return element("div", "visit", element("b", "", title), time, stack);
}

/** @param {Phases} phases */
function legend(phases) {
  const list = element("ul", "legend");
  phases.forEach(([name, time], at) => {
    const mark = element("i", "");
    mark.style.background = `var(--phase-${at})`;
    list.append(element("li", "", mark, name, element("b", "", time > 0 ? milliseconds(time) : "–")));
  });
  return list;
}
