/** What Magika looks at in a file: bytes from its beginning and its end. As in `examples/filetype`. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { wanted } from "./site.js";

const SIZE = 1024;
const PADDING = 256;

/** The model's input for a file of the repository that is longer than what it looks at. */
export async function magikaInput(path: string): Promise<number[]> {
  const text = (await readFile(join(wanted("ORTLET_TEST_REPOSITORY"), path))).toString("latin1").trim();
  const bytes = [...Buffer.from(text, "latin1")];
  return [...padded(bytes.slice(0, SIZE)), ...padded(bytes.slice(-SIZE))];
}

function padded(bytes: number[]): number[] {
  return [...bytes, ...Array<number>(SIZE - bytes.length).fill(PADDING)];
}

/** The labels, in the order of the scores. */
export async function magikaLabels(): Promise<string[]> {
  const path = join(wanted("ORTLET_TEST_MODELS"), "magika", "config.min.json");
  const { target_labels_space: labels } = JSON.parse(await readFile(path, "utf8")) as { target_labels_space: string[] };
  return labels;
}
