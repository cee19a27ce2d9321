// @ts-check
// How long runs took: a histogram of this session, and the median of each precision that was tried.

import { byId, drawn, element, milliseconds } from "./dom.js";

/** @typedef {import("ortlet").MetricsReport} MetricsReport */

const WIDTH = 320;
const HEIGHT = 92;
const BARS = 40;

const panel = byId("latency", HTMLDivElement);
const chart = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT + 20}`, role: "img" });
const facts = element("dl", "facts");
panel.append(chart, facts);

/** @type {Map<string, number>} precision to median */
const medians = new Map();

showNothing();

function showNothing() {
  facts.replaceChildren(...["runs", "median", "99 % within"].flatMap((name) => fact(name, "–")));
  draw([], 0, 1, 0);
}

/** @param {string} precision @param {MetricsReport} metrics */
export function show(precision, metrics) {
  const { compute } = metrics;
  if (compute === null) return showNothing();
  const [median, p99] = [compute.p50_ns / 1e6, compute.p99_ns / 1e6];
  // Linear, so that widths mean times; what is beyond the 99th percentile is in the last bar.
  const [from, to] = [compute.min_ns / 1e6, Math.max(p99, (compute.min_ns / 1e6) * 1.05)];
  const counts = new Array(BARS).fill(0);
  for (const bucket of metrics.metrics.compute.buckets) {
    const middle = (bucket.low_ns + bucket.high_ns) / 2e6;
    const at = Math.floor(((middle - from) / (to - from)) * BARS);
    counts[Math.min(BARS - 1, Math.max(0, at))] += bucket.count;
  }
  draw(counts, from, to, median);
  chart.setAttribute("aria-label", `Latencies from ${milliseconds(from)}, median ${milliseconds(median)}`);
  medians.set(precision, median);
  facts.replaceChildren(
    ...fact("runs", metrics.metrics.run_count.toLocaleString("en")),
    ...fact("median", milliseconds(median)),
    ...fact("99 % within", milliseconds(p99)),
    ...[...medians].filter(([name]) => name !== precision).flatMap(([name, time]) => fact(name, compared(time, median))),
  );
}

/** @param {number} other @param {number} median */
function compared(other, median) {
  const ratio = other / median;
  const words = ratio >= 1 ? `${ratio.toFixed(2)}× slower` : `${(1 / ratio).toFixed(2)}× faster`;
  return `${milliseconds(other)}, ${words}`;
}

/** @param {string} name @param {string} value */
function fact(name, value) {
  return [element("dt", "", name), element("dd", "", value)];
}

/** @param {number[]} counts @param {number} from @param {number} to @param {number} median */
function draw(counts, from, to, median) {
  const most = Math.max(1, ...counts);
  const step = WIDTH / BARS;
  const bars = counts.flatMap((count, at) => {
    const height = (count / most) * (HEIGHT - 4);
    if (count === 0) return [];
    const box = { x: at * step + 0.5, y: HEIGHT - height, width: step - 1.5, height, rx: 1.5 };
    return [drawn("rect", box)];
  });
  const axis = drawn("line", { class: "axis", x1: 0, x2: WIDTH, y1: HEIGHT + 0.5, y2: HEIGHT + 0.5 });
  const x = ((median - from) / (to - from)) * WIDTH;
  const labels = counts.length === 0 ? [text(WIDTH / 2, "no runs yet", "middle")] : [
    drawn("line", { class: "median", x1: x, x2: x, y1: 0, y2: HEIGHT }),
    text(0, milliseconds(from), "start"),
    text(WIDTH, milliseconds(to), "end"),
  ];
  chart.replaceChildren(axis, ...bars, ...labels);
}

/** @param {number} x @param {string} words @param {string} anchor */
function text(x, words, anchor) {
  return drawn("text", { x, y: HEIGHT + 16, "text-anchor": anchor }, words);
}
