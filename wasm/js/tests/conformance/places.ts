/** Where the files of a case lie, and the files that are made before it. */

import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Session } from "ortlet";
import { SUITE, Skipped, Wrong, type Case, type Json, type JsonObject, type Preparation } from "./cases.js";

export const FIXTURES = join(SUITE, "fixtures");

/** The folders that texts of a case may name: `temp` is an empty one that only this case uses. */
export class Places {
  constructor(readonly temp: string) {}

  /** A text with the names of folders in it. */
  fill(text: string): string {
    if (text.includes("{runtimes}")) throw new Skipped("there are no other versions of the engine");
    return text.replaceAll("{fixtures}", FIXTURES).replaceAll("{temp}", this.temp);
  }

  /** The same for all texts inside of JSON. */
  fillAll(json: Json): Json {
    if (typeof json === "string") return this.fill(json);
    if (Array.isArray(json)) return json.map((element) => this.fillAll(element));
    if (typeof json !== "object" || json === null) return json;
    return Object.fromEntries(Object.entries(json).map(([name, member]) => [name, this.fillAll(member)]));
  }

  /** Options of a kind with the names that they have here; none if the case has none. */
  options(one: Case, field: "options" | "tool_options" = "options"): Record<string, unknown> {
    const { external_data_folder: folder, ...options } = this.fillAll(one[field] ?? {}) as JsonObject;
    // Here the files are given one by one.
    const externalData =
      folder === undefined ? {} : { externalData: { "external.bin": join(folder as string, "external.bin") } };
    return { ...renamed(options), ...externalData };
  }

  /** The path of the file that a case is about. */
  model(one: Case): string {
    if ((one.fixture === undefined) === (one.path === undefined))
      throw new Wrong("either `fixture` or `path` is needed");
    return one.path === undefined ? join(FIXTURES, one.fixture as string) : this.fill(one.path);
  }

  /** The bytes that a case is about. */
  async bytes(one: Case): Promise<Uint8Array> {
    return one.bytes === undefined ? readFile(this.model(one)) : Buffer.from(one.bytes, "hex");
  }

  /** Makes the files that a case needs. Its errors are never those that the case expects. */
  async prepare(steps: readonly Preparation[]): Promise<void> {
    for (const step of steps) {
      const [[kind, said]] = Object.entries(this.fillAll(step) as Preparation) as [[string, JsonObject]];
      try {
        await PREPARE[kind]?.(said);
      } catch (error) {
        if (error instanceof Skipped) throw error;
        throw new Wrong(`cannot be prepared: ${kind}: ${String(error)}`);
      }
    }
  }
}

/** Objects whose fields are options; the fields of others are names of the model's or of the engine's. */
const NESTED = ["accuracy", "range_method"];

function renamed(options: JsonObject): Record<string, unknown> {
  const entries = Object.entries(options).map(([name, value]) => {
    const camel = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    return [camel, NESTED.includes(name) ? renamed(value as JsonObject) : value];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

async function change(path: string, bytesOf: (content: Buffer) => Buffer): Promise<void> {
  const changed = bytesOf(await readFile(path));
  await rm(path);
  await writeFile(path, changed);
}

/** The field of a preparation that is a text. */
const text = (said: JsonObject, name: string): string => said[name] as string;
/** The field of a preparation that is a number. */
const number = (said: JsonObject, name: string): number => said[name] as number;

const PREPARE: Record<string, (said: JsonObject) => Promise<void>> = {
  compile: () => Promise.reject(new Skipped("nothing is compiled here: artifacts are written by the other bindings")),
  load: async (said) => (await Session.load(text(said, "path"), renamed(said.options as JsonObject))).dispose(),
  copy: async (said) => writeFile(text(said, "to"), await readFile(join(FIXTURES, text(said, "fixture")))),
  write: (said) => writeFile(text(said, "to"), Buffer.from(text(said, "bytes"), "hex")),
  damage: (said) =>
    change(text(said, "file"), (content) => {
      const offset = number(said, "offset");
      content[offset] = (content[offset] as number) ^ number(said, "xor");
      return content;
    }),
  cut: (said) => change(text(said, "file"), (content) => content.subarray(0, number(said, "length"))),
};
