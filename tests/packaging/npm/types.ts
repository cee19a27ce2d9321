/** A program that has to compile against the installed package, however modules are looked up. */

import { createWorkerSession, type LoadOptions, OrtletError, Session, type SessionLike, type Tensor } from "ortlet";
import { Session as CoreSession } from "ortlet/core";

const options: LoadOptions = { precision: "int8", threads: "auto", onProgress: (progress) => void progress.fraction };

export async function sum(model: URL, inWorker: boolean): Promise<number> {
  const session: SessionLike = inWorker
    ? await createWorkerSession(model, options)
    : await Session.load(model, options);
  try {
    const outputs: Record<string, Tensor> = await session.run({ x: new Float32Array(3) }, { deadlineMs: 100 });
    return Object.values(outputs).length;
  } catch (error) {
    if (error instanceof OrtletError && error.code === "deadline_exceeded") return 0;
    throw error;
  } finally {
    await session.dispose();
  }
}

export const loadWithAnotherEngine: typeof CoreSession.load = CoreSession.load;
