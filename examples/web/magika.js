// @ts-check
// What Magika looks at in a file, and what its scores mean.

/**
 * The part of the model's own configuration that its third version uses.
 * @typedef {object} Config
 * @property {number} beg_size
 * @property {number} end_size
 * @property {number} block_size
 * @property {number} padding_token
 * @property {number} min_file_size_for_dl
 * @property {number} medium_confidence_threshold
 * @property {string[]} target_labels_space
 * @property {Record<string, number>} thresholds
 * @property {Record<string, string>} overwrite_map
 */

/**
 * A file as far as it is known before the model runs: what it is, or the model's input.
 * @typedef {{ known: string } | { features: Int32Array, isText: boolean }} Content
 */

/**
 * Reads a file's beginning and end, and nothing between.
 * @param {Blob} file
 * @param {Config} config
 * @returns {Promise<Content>}
 */
export async function read(file, config) {
  const first = await bytes(file.slice(0, config.block_size));
  const last = await bytes(file.slice(Math.max(0, file.size - config.block_size)));
  return content(first, last, config);
}

/**
 * The model's input: bytes from the beginning and the end, without white space around them.
 * @param {Uint8Array} first
 * @param {Uint8Array} last
 * @param {Config} config
 * @returns {Content}
 */
export function content(first, last, config) {
  if (first.length === 0) return { known: "empty" };
  const isText = isUtf8(first);
  const start = first.findIndex((byte) => !isSpace(byte));
  const beginning = start < 0 ? new Uint8Array() : first.subarray(start);
  if (beginning.length < config.min_file_size_for_dl) return { known: vague(isText) };
  const end = last.subarray(0, last.findLastIndex((byte) => !isSpace(byte)) + 1);
  const features = new Int32Array(config.beg_size + config.end_size).fill(config.padding_token);
  features.set(beginning.subarray(0, config.beg_size));
  const tail = end.subarray(Math.max(0, end.length - config.end_size));
  features.set(tail, features.length - tail.length);
  return { features, isText };
}

/**
 * The best label and its score. Where the model is not sure, it only says whether it is text.
 * @param {Float32Array} scores
 * @param {boolean} isText
 * @param {Config} config
 */
export function label(scores, isText, config) {
  let best = 0;
  for (let at = 1; at < scores.length; at += 1) if ((scores[at] ?? 0) > (scores[best] ?? 0)) best = at;
  const name = config.target_labels_space[best] ?? "unknown";
  const score = scores[best] ?? 0;
  // As float32, in which the model computes: a score of 0.9 is below the number 0.9.
  const threshold = Math.fround(config.thresholds[name] ?? config.medium_confidence_threshold);
  return { label: score < threshold ? vague(isText) : (config.overwrite_map[name] ?? name), score };
}

/** @param {boolean} isText */
function vague(isText) {
  return isText ? "txt" : "unknown";
}

/** @param {Blob} blob */
async function bytes(blob) {
  return new Uint8Array(await blob.arrayBuffer());
}

/** White space of ASCII. @param {number} byte */
function isSpace(byte) {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** Whether bytes are UTF-8, apart from a character that their end cuts. @param {Uint8Array} block */
function isUtf8(block) {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(block, { stream: true });
    return true;
  } catch {
    return false;
  }
}
