/** Loads a model: from the cache, or downloaded, checked, quantized, and stored; then makes the session. */

import { inContext, invalidArgument, throwIfAborted } from "../api/errors.js";
import type { EngineSession } from "../engine/types.js";
import type { PrecisionReport } from "../generated/reports.js";
import { chooseForLoad } from "../precision/choose.js";
import type { Description } from "../wasm/interface.js";
import { withSession } from "../wasm/modules.js";
import { platform } from "../platform/platform.js";
import { isArtifact, openArtifact } from "./artifact.js";
import { createSession, warmUp } from "./create.js";
import { checkedDigest, compareDigests, sha256 } from "./digest.js";
import type { Entry } from "./entry.js";
import { modelKey } from "./key.js";
import { nowNs, progress, tellOfBytes, untilAborted, type Phase } from "./progress.js";
import type {
  EngineModel,
  Environment,
  ExternalFile,
  LoadReport,
  LoadSettings,
  Loaded,
  Phases,
  StartedEngine,
} from "./settings.js";
import { addressOf, bytesInMemory, nameOf, readSource, type Content, type Source } from "./source.js";
import { Cache } from "./store.js";

/** A model that is ready for the engine, and what is known of it. */
interface Made {
  /** What is stored and given back: of an artifact the whole file. */
  readonly stored: EngineModel;
  readonly model: EngineModel;
  readonly description: Description;
  readonly isArtifact: boolean;
  readonly report: PrecisionReport | null;
}

/** The content of the model and its external data, read from outside. */
interface Files {
  readonly model: EngineModel;
  readonly contents: readonly Content[];
}

/** Loads a model; see {@link LoadSettings} for how. */
export async function loadSession(source: Source, settings: LoadSettings, environment: Environment): Promise<Loaded> {
  return new Load(source, settings, environment).run();
}

class Load {
  private readonly phases: Phases = {
    runtime_ns: 0,
    download_ns: 0,
    check_ns: 0,
    digest_ns: 0,
    quantize_ns: 0,
    map_ns: 0,
    create_ns: 0,
    store_ns: 0,
    warm_up_ns: 0,
    total_ns: 0,
    first_run_ns: null,
  };
  private readonly warnings: string[] = [];
  private readonly precision: string;
  /** The model and its external data, in the order in which they are stored. */
  private readonly sources: readonly (readonly [string, Source])[];
  private readonly sha256: string | undefined;
  private cache!: Cache;
  private started!: StartedEngine;

  constructor(
    private readonly source: Source,
    private readonly settings: LoadSettings,
    private readonly environment: Environment,
  ) {
    this.precision = settings.precision ?? "original";
    this.sources = [["", source], ...Object.entries(settings.externalData ?? {})];
    this.sha256 = settings.sha256 === undefined ? undefined : checkedDigest(settings.sha256);
  }

  async run(): Promise<Loaded> {
    const start = nowNs();
    throwIfAborted(this.settings.signal);
    const starting = this.timed("runtime_ns", this.environment.start(this.settings.signal));
    // Whatever fails first is what the caller is told; the other may fail too.
    starting.catch(() => undefined);
    this.cache = await this.openCache();
    const digests = this.cache.isOn ? await this.knownDigests() : undefined;
    const files = digests === undefined ? await this.read() : undefined;
    const { made, session } = await this.madeAndCreated(digests ?? (await this.digests(files!)), files, starting);
    try {
      await this.warmUp(session, made.description);
      this.phases.total_ns = nowNs() - start;
      return this.loaded(made, session);
    } catch (error) {
      void session.release().catch(() => undefined);
      throw error;
    }
  }

  /** From the cache if it is there and any good, else made anew. */
  private async madeAndCreated(
    digests: readonly string[],
    files: Files | undefined,
    starting: Promise<StartedEngine>,
  ): Promise<{ made: Made; session: EngineSession }> {
    // Only what was measured depends on the engine; anything else is read while it starts.
    if (this.precision === "auto") this.started = await starting;
    const entry = await this.entry(digests);
    this.started = await starting;
    const stored = entry === undefined ? undefined : await this.fromCache(entry);
    if (stored !== undefined) {
      await this.remember(digests, files);
      return stored;
    }
    const read = files ?? (await this.read());
    const own = files === undefined ? await this.digests(read) : digests;
    const made = await this.make(read.model);
    const session = await this.create(made.model);
    try {
      if (this.cache.isOn) await this.timed("store_ns", this.store(made, own));
      await this.remember(own, read);
    } catch (error) {
      void session.release().catch(() => undefined);
      throw error;
    }
    return { made, session };
  }

  private async openCache(): Promise<Cache> {
    const { cache, accuracy } = this.settings;
    const isRemote = this.sources.some(([, source]) => bytesInMemory(source) === undefined && addressOf(source));
    const opened = await Cache.open(cache ?? (isRemote && platform().storesByDefault));
    const isOpaque = this.precision !== "original" && accuracy?.measure !== undefined;
    // Nobody can tell whether a function is the same as the last time.
    return opened.isOn && isOpaque ? opened.decline("the accuracy is judged by a function of the program") : opened;
  }

  /** The digests of all sources if they can be known without reading them. */
  private async knownDigests(): Promise<string[] | undefined> {
    const digests: string[] = [];
    for (const [index, [, source]] of this.sources.entries()) {
      if (index === 0 && this.sha256 !== undefined) {
        digests.push(this.sha256);
        continue;
      }
      const { requestInit, signal } = this.settings;
      const known = await this.cache.known(source, requestInit, signal);
      if (known === undefined) return undefined;
      if (known.isOffline) {
        this.warnings.push(`\`${nameOf(source)}\` cannot be reached: what was stored before is used`);
      }
      digests.push(known.digest);
    }
    return digests;
  }

  /** Reads the model and its external data. */
  private async read(): Promise<Files> {
    const { requestInit, signal } = this.settings;
    const contents: Content[] = [];
    const reading = async (): Promise<void> => {
      for (const [, source] of this.sources) {
        const onBytes = tellOfBytes(this.settings.onProgress);
        contents.push(await readSource(source, { requestInit, signal, onBytes }));
      }
    };
    await this.timed("download_ns", reading());
    const [model, ...others] = contents.map((content) => content.bytes);
    const externalData = others.map((data, at): ExternalFile => ({ path: this.sources[at + 1]![0], data }));
    return { model: { bytes: model!, externalData }, contents };
  }

  /** The digests of what was read; none if nobody asks. */
  private async digests(files: Files): Promise<string[]> {
    if (!this.cache.isOn && this.sha256 === undefined) return [];
    const digesting = Promise.all(files.contents.map((content) => sha256(content.bytes)));
    const digests = await this.timed("digest_ns", untilAborted(this.settings.signal, digesting));
    if (this.sha256 !== undefined) compareDigests(`\`${nameOf(this.source)}\``, this.sha256, digests[0]!);
    return digests;
  }

  private async entry(digests: readonly string[]): Promise<Entry | undefined> {
    if (!this.cache.isOn) return undefined;
    const key = await this.key(digests);
    const reading = untilAborted(this.settings.signal, this.cache.get(key));
    return this.timed("map_ns", reading);
  }

  private async fromCache(entry: Entry): Promise<{ made: Made; session: EngineSession } | undefined> {
    let session: EngineSession | undefined;
    try {
      const made = await this.ofEntry(entry);
      session = await this.create(made.model);
      await this.timed("map_ns", untilAborted(this.settings.signal, entry.whole));
      this.warnings.push(...entry.head.warnings);
      return { made, session };
    } catch (error) {
      void session?.release().catch(() => undefined);
      throwIfAborted(this.settings.signal);
      this.cache.reject(error);
      return undefined;
    }
  }

  private async ofEntry(entry: Entry): Promise<Made> {
    const { head } = entry;
    if (head.is_artifact || head.description === null) return this.make(entry);
    return { stored: entry, model: entry, description: head.description, isArtifact: false, report: head.report };
  }

  private key(digests: readonly string[]): Promise<string> {
    const named = digests.map((digest, at) => [this.sources[at]![0], digest] as const);
    const measuredBy = this.precision === "auto" ? this.started : undefined;
    return modelKey({ measuredBy, settings: this.settings, digests: named });
  }

  /** Makes of a file what the engine will run. */
  private async make(given: EngineModel): Promise<Made> {
    let file = given;
    this.tell("check", 0, 1);
    const isCompiled = await isArtifact(file.bytes);
    const opening = isCompiled ? openArtifact(file.bytes, this.precision) : Promise.resolve({ ...file, report: null });
    let opened = await this.timed("check_ns", opening);
    const description = await this.timed("check_ns", describe(opened.bytes));
    this.tell("check", 1, 1);
    if (!isCompiled) {
      file = await this.withExternalData(file, description);
      opened = { ...file, report: null };
    }
    throwIfAborted(this.settings.signal);
    if (isCompiled || this.precision === "original") {
      return { stored: file, model: opened, description, isArtifact: isCompiled, report: opened.report };
    }
    const context = { settings: this.settings, environment: this.environment, started: this.started };
    const chosen = await this.timed("quantize_ns", chooseForLoad(file, description, context));
    const { model, report } = chosen;
    return { stored: model, model, description, isArtifact: false, report };
  }

  /** The model with the files of its external data that were not given: those beside a model that is a file itself. */
  private async withExternalData(file: EngineModel, description: Description): Promise<EngineModel> {
    const given = this.settings.externalData ?? {};
    const missing = description.external_files.filter((name) => !Object.hasOwn(given, name));
    if (missing.length === 0) return file;
    const places = missing.map((name) => beside(this.source, name));
    if (places.every((place) => place !== undefined)) {
      // Entries are found by the digests of what the caller named.
      if (this.cache.isOn) this.cache = this.cache.decline("files of external data were not given by name");
      const reading = Promise.all(places.map((place) => readSource(place, { signal: this.settings.signal })));
      const contents = await this.timed("download_ns", reading);
      const found = contents.map(({ bytes }, at): ExternalFile => ({ path: missing[at] as string, data: bytes }));
      return { bytes: file.bytes, externalData: [...file.externalData, ...found] };
    }
    throw invalidArgument(
      "externalData",
      `the model has tensors in other files, give them by name: ${missing.join(", ")}`,
    );
  }

  private async create(model: EngineModel): Promise<EngineSession> {
    const { signal } = this.settings;
    throwIfAborted(signal);
    this.tell("create", 0, 1);
    const creating = createSession(this.started.engine, model, this.settings).catch((error: unknown) => {
      throw inContext(`load \`${nameOf(this.source)}\``, error);
    });
    const late = (session: EngineSession): void => void session.release().catch(() => undefined);
    const session = await this.timed("create_ns", untilAborted(signal, creating, late));
    this.tell("create", 1, 1);
    return session;
  }

  private async store(made: Made, digests: readonly string[]): Promise<void> {
    const head = {
      model: addressOf(this.source) ?? nameOf(this.source),
      precision: this.precision,
      created_unix_s: Math.floor(Date.now() / 1000),
      is_artifact: made.isArtifact,
      description: made.isArtifact ? null : made.description,
      report: made.report,
      warnings: [],
    };
    await untilAborted(this.settings.signal, this.cache.put(await this.key(digests), head, made.stored));
  }

  private async remember(digests: readonly string[], files: Files | undefined): Promise<void> {
    for (const [at, content] of files?.contents.entries() ?? []) {
      await this.cache.remember(this.sources[at]![1], digests[at]!, content.validators);
    }
  }

  private async warmUp(session: EngineSession, description: Description): Promise<void> {
    const { warmUpRuns, signal } = this.settings;
    if (!warmUpRuns) return;
    const warming = warmUp(this.started.engine, session, description, this.settings);
    try {
      await this.timed("warm_up_ns", untilAborted(signal, warming));
    } catch (error) {
      throwIfAborted(signal);
      // Not every model computes something of zeros.
      this.warnings.push(`not warmed up: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private loaded(made: Made, session: EngineSession): Loaded {
    const { engine, version: engineVersion, threads, warnings } = this.started;
    const report: LoadReport = {
      origin: made.isArtifact ? "artifact_portable" : "model",
      portable_reason: made.isArtifact ? "no device part of an artifact runs on the web" : null,
      plan: null,
      precision: made.report,
      cache: this.cache.part,
      phases: this.phases,
      mapped_bytes: 0,
      private_bytes: null,
      warnings: [...warnings, ...this.cache.warnings, ...this.warnings],
      engine: { version: engineVersion, threads },
    };
    const model = this.environment.keepModel === true ? made.model : undefined;
    return { session, engine, description: made.description, report, model };
  }

  /** Adds the time until a promise is settled to a phase. */
  private async timed<T>(phase: Exclude<keyof Phases, "first_run_ns">, promise: Promise<T>): Promise<T> {
    const start = nowNs();
    try {
      return await promise;
    } finally {
      this.phases[phase] += nowNs() - start;
    }
  }

  private tell(phase: Phase, done: number, total?: number): void {
    this.settings.onProgress?.(progress(phase, done, total));
  }
}

/** Where a file beside a model's is; `undefined` unless the model is a file of this machine. */
function beside(source: Source, name: string): string | URL | undefined {
  if (!platform().isNode || !(typeof source === "string" || source instanceof URL)) return undefined;
  const text = String(source);
  if (text.startsWith("file:")) return new URL(encodeURI(name), text);
  return /^[a-z][a-z0-9+.-]+:/i.test(text) ? undefined : text.replace(/[^/\\]*$/, "") + name;
}

/** What a model takes and gives, by a module whose memory is given back. */
export async function describe(model: Uint8Array): Promise<Description> {
  return withSession(model.length, (module) => JSON.parse(module.describe(model)) as Description);
}
