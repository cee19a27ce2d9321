/** What the documentation shows in TypeScript is true: every block compiles against the built package. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const REPOSITORY = wanted("ORTLET_TEST_REPOSITORY");
const PROJECT = wanted("ORTLET_TEST_NPM");

/** What the blocks of a page take for granted. */
const AROUND = `
declare global {
  const pixels: Float32Array;
  const images: readonly Float32Array[];
  const chunks: readonly Float32Array[];
}
`;

/** Names of the package that a block may use because the blocks before it imported or made them. */
const EARLIER: Readonly<Record<string, string>> = {
  session: 'declare const session: import("ortlet").WorkerSession;',
  OrtletError: 'import { OrtletError } from "ortlet";',
};

for (const page of ["docs/web.md", "README.md", "wasm/js/package/README.md"]) {
  test(page, () => {
    const blocks = snippets(readFileSync(join(REPOSITORY, page), "utf8"));
    assert.ok(blocks.length > 0, "it shows nothing");
    const said = compile(page, blocks);
    assert.equal(said, "", said);
  });
}

test("examples/web", () => {
  const paths = { ortlet: [join(PROJECT, "node_modules/ortlet/dist/index.d.ts")] };
  const folder = join(REPOSITORY, "examples/web");
  const project = {
    extends: join(folder, "jsconfig.json"),
    compilerOptions: { paths },
    include: [join(folder, "*.js")],
  };
  const said = check(emptyFolder("example"), project);
  assert.equal(said, "", said);
});

test("a wrong block is found", () => {
  const block = 'import { Session } from "ortlet";\nconst session = await Session.open("model.onnx");';
  assert.match(compile("wrong", [block]), /TS2339.*open/);
});

/** The blocks of a page that are in TypeScript. */
function snippets(page: string): string[] {
  return [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code ?? "");
}

/** What the compiler says of blocks, each a module of its own; nothing if they are right. */
function compile(page: string, blocks: readonly string[]): string {
  const folder = emptyFolder(page);
  writeFileSync(join(folder, "around.d.ts"), `${AROUND}export {};\n`);
  for (const [at, block] of blocks.entries()) writeFileSync(join(folder, `block_${at + 1}.ts`), complete(block));
  const compilerOptions = {
    target: "es2022",
    lib: ["es2022", "esnext.disposable", "dom", "dom.iterable"],
    module: "nodenext",
    moduleResolution: "nodenext",
    types: [],
    strict: true,
    noEmit: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
  };
  return check(folder, { compilerOptions, include: ["."] });
}

function emptyFolder(name: string): string {
  const folder = join(PROJECT, "snippets", name.replace(/\W/g, "_"));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** What the compiler says of a project. */
function check(folder: string, project: object): string {
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
  const compiler = join(REPOSITORY, "wasm/js/node_modules/.bin/tsc");
  const { status, stdout, stderr, error } = spawnSync(compiler, ["-p", folder, "--pretty", "false"], {
    encoding: "utf8",
  });
  if (error !== undefined) throw error;
  const said = stdout + stderr;
  return status === 0 ? "" : said || `the compiler ended with ${status}`;
}

/** A block with what earlier ones declared. */
function complete(block: string): string {
  const isMissing = ([name]: [string, string]): boolean =>
    new RegExp(`\\b${name}\\b`).test(block) && !new RegExp(`(import [^;]*|const |let )\\b${name}\\b`).test(block);
  const before = Object.entries(EARLIER)
    .filter(isMissing)
    .map(([, declaration]) => declaration);
  return [...before, block, "export {};", ""].join("\n");
}

function wanted(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`${variable} is not set: run \`cargo xtask test\``);
  return value;
}
