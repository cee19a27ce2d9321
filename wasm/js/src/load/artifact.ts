/** Loads what `compile` wrote: its portable model, whose weights stay in the file. */

import { unsupported } from "../api/errors.js";
import { session, withTools } from "../wasm/modules.js";
import type { PrecisionReport } from "../generated/reports.js";
import type { EngineModel } from "./settings.js";

/** The name by which the portable model refers to the artifact. */
const FILE_NAME = "model.ortlet";
const HEAD_BYTES = 64;

/** What an artifact has in it. */
export interface Opened extends EngineModel {
  /** How it came to compute with other numbers, if that was asked for when it was compiled. */
  readonly report: PrecisionReport | null;
}

/** Whether a file is an artifact. */
export async function isArtifact(file: Uint8Array): Promise<boolean> {
  return (await session()).is_artifact(file.subarray(0, HEAD_BYTES));
}

/** Opens an artifact, checking every byte of it. */
export async function openArtifact(file: Uint8Array, precision: string): Promise<Opened> {
  return withTools((tools) => {
    const artifact = new tools.Artifact(file);
    artifact.verify();
    const manifest = JSON.parse(artifact.manifest()) as { readonly report?: PrecisionReport };
    const report = manifest.report ?? null;
    if (precision !== "original" && report === null) {
      const reason = "it was compiled without; compile the ONNX model with this precision";
      throw unsupported(`precision \`${precision}\` of a compiled model`, reason);
    }
    return { bytes: artifact.model(FILE_NAME), externalData: [{ path: FILE_NAME, data: file }], report };
  });
}
