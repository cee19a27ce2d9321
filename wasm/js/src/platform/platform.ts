/** What differs between browsers and Node. Entries of the package say with `use` which it is. */

/** A thread of its own, in which a file of the package runs. */
export interface WorkerHandle {
  post(message: unknown, transfer: readonly Transferable[]): void;
  onMessage(listener: (message: unknown) => void): void;
  /** It could not be started, or it broke down. */
  onError(listener: (error: unknown) => void): void;
  /** Whether the program waits for it: in Node, a worker for which nobody waits does not keep the process alive. */
  keepAlive(wanted: boolean): void;
  /** Ends it at once, whatever it computes. */
  terminate(): void;
}

/** Where models are kept between visits. */
export interface Store {
  /** What it is called in reports: a cache's name or a folder. */
  readonly name: string;
  /** The value of a key, or `undefined`. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Stores the parts one after the other as one value, whole or not at all. */
  put(key: string, parts: readonly Uint8Array[]): Promise<void>;
  delete(key: string): Promise<boolean>;
  keys(): Promise<string[]>;
}

export interface Platform {
  readonly isNode: boolean;
  /** Bytes of a file of this package. */
  readAsset(url: URL): Promise<Uint8Array<ArrayBuffer>>;
  /** Opens what a source that is no URL of the web names: in Node a path or `file:` URL, else `undefined`. */
  openFile(source: string | URL): Promise<{ stream: ReadableStream<Uint8Array>; size: number } | undefined>;
  startWorker(): WorkerHandle;
  /** The store of a name; `undefined` where nothing can be stored, with the reason. */
  openStore(name: string | undefined): Promise<Store | { readonly reason: string }>;
  /** Whether what is loaded by URL is kept unless the caller says otherwise. */
  readonly storesByDefault: boolean;
  /** Where the engine's entry is. */
  engineEntry(): URL;
  /** The most threads that can compute a run, whatever is wished for. */
  threadLimit(): number;
  /** Threads that may compute a run: 1 where memory cannot be shared. */
  threadCount(): number;
}

let current: Platform | undefined;

/** Called once by the entry that was imported. */
export function use(platform: Platform): void {
  current ??= platform;
}

export function platform(): Platform {
  if (current === undefined) throw new Error("an entry of the package `ortlet` has to be imported");
  return current;
}
