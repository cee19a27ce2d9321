// @ts-check
// Files that are at hand: the page's own, to try it and to measure precisions with.

import { content } from "./magika.js";
import { inputs } from "./model.js";

const NAMES = [
  "icon.svg",
  "README.md",
  "index.html",
  "style.css",
  "main.js",
  "/models/magika/config.min.json",
  "/ortlet/dist/wasm/ortlet_session.wasm",
];

/** The page's own files. @returns {Promise<File[]>} */
export function files() {
  return Promise.all(
    NAMES.map(async (name) => {
      const answer = await fetch(name);
      if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
      return new File([await answer.blob()], name.slice(name.lastIndexOf("/") + 1));
    }),
  );
}

/** How much of a file makes a sample, and the most samples of one file. */
const PIECE = 3000;
const MOST_PIECES = 6;

/**
 * Inputs of the model made of the page's own files, each cut into pieces: a choice takes more than a few.
 * @param {import("./magika.js").Config} config
 */
export async function inputsOfPage(config) {
  const samples = [];
  for (const file of await files()) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    for (let at = 0; at < Math.min(bytes.length, PIECE * MOST_PIECES); at += PIECE) {
      const piece = bytes.subarray(at, at + PIECE);
      const read = content(piece.subarray(0, config.block_size), piece.subarray(-config.block_size), config);
      if ("features" in read) samples.push(inputs(read.features));
    }
  }
  return samples;
}
