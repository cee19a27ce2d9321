/** Reads a stream into one piece of memory. */

/** Something that a function of the caller's threw. */
export class CallerError extends Error {}

type OnBytes = ((done: number, total: number | undefined) => void) | undefined;

/**
 * Reads all of a stream. If its size is known, the bytes go to their final place at once, so that there is never a
 * second copy of them. A size that turns out wrong, as servers and compression have it, does no harm.
 */
export async function readAll(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  size: number | undefined,
  onBytes: OnBytes,
): Promise<Uint8Array> {
  const collected = new Collected(size);
  tell(onBytes, 0, size);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    collected.add(value);
    tell(onBytes, collected.count, collected.count > (size ?? 0) ? undefined : size);
  }
  // Now everybody knows.
  if (collected.count !== size) tell(onBytes, collected.count, collected.count);
  return collected.take();
}

function tell(onBytes: OnBytes, done: number, total: number | undefined): void {
  try {
    onBytes?.(done, total);
  } catch (cause) {
    throw new CallerError("a function of the caller's failed", { cause });
  }
}

/** Bytes so far: in the memory that was made for all of them, and in pieces after that is full. */
class Collected {
  count = 0;
  private readonly start: Uint8Array<ArrayBuffer>;
  private readonly pieces: Uint8Array[] = [];

  constructor(size: number | undefined) {
    this.start = allocated(size);
  }

  add(piece: Uint8Array): void {
    const room = this.start.length - this.count;
    if (room > 0) this.start.set(piece.subarray(0, room), this.count);
    if (piece.length > room) this.pieces.push(room > 0 ? piece.subarray(room) : piece);
    this.count += piece.length;
  }

  take(): Uint8Array {
    if (this.pieces.length === 0) return this.start.subarray(0, this.count);
    if (this.start.length === 0 && this.pieces.length === 1) return this.pieces[0]!;
    const all = new Uint8Array(this.count);
    all.set(this.start);
    let at = this.start.length;
    for (const piece of this.pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}

/** Memory for a size that somebody claims; none if there cannot be so much, which shows soon enough. */
function allocated(size: number | undefined): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size ?? 0);
  } catch {
    return new Uint8Array(0);
  }
}
