/** What files are, found out without Ortlet: ONNX Runtime for Python, and the features as the Python example cuts them. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { wanted } from "./page.js";

const PROGRAM = `
import json, sys
from pathlib import Path
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import magika, onnxruntime
model = Path(sys.argv[2])
config = magika.Config.read(model.with_name("config.min.json"))
session = onnxruntime.InferenceSession(str(model))
told = []
for path in map(Path, sys.argv[3:]):
    content = magika.read(path, config)
    if content.features is None:
        told.append([content.known, None])
    else:
        scores = session.run(["target_label"], {"bytes": content.features[None]})[0][0]
        told.append(config.label(scores, content.is_text))
print(json.dumps(told))
`;

/** Label and score of each file; files that take no model have no score. */
export function reference(paths: readonly string[]): { label: string; score: number | undefined }[] {
  const folder = join(wanted("ORTLET_TEST_REPOSITORY"), "examples/filetype-python");
  const model = join(wanted("ORTLET_TEST_MODELS"), "magika/model.onnx");
  const run = spawnSync(wanted("ORTLET_TEST_PYTHON"), ["-c", PROGRAM, folder, model, ...paths], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(run.stderr);
  return (JSON.parse(run.stdout) as [string, number | null][]).map(([label, score]) => ({
    label,
    score: score ?? undefined,
  }));
}
