/** Applications of bundlers, made in the project that depends on the package. */

import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { build, createServer, type ViteDevServer } from "vite";
import webpack from "webpack";
import { wanted } from "../browser/site.js";

/** A copy of an application in the project, as somebody has it who installed the package. */
export async function application(name: string): Promise<string> {
  const folder = join(wanted("ORTLET_TEST_NPM"), "apps", name);
  const sources = join(wanted("ORTLET_TEST_REPOSITORY"), "wasm/js/tests/bundlers/apps");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await cp(join(sources, name.replace(/-.*/, "")), folder, { recursive: true });
  await cp(join(sources, "app.js"), join(folder, "app.js"));
  // Where Vite looks for files that are no part of the program.
  await cp(
    join(wanted("ORTLET_TEST_REPOSITORY"), "tests/conformance/fixtures/linear.onnx"),
    join(folder, "public/models/linear.onnx"),
  );
  return folder;
}

/** What `vite build` makes of an application without a configuration. */
export async function byVite(name: string): Promise<string> {
  const root = await application(name);
  await build({ root, configFile: false, logLevel: "warn" });
  return join(root, "dist");
}

/** Vite's server for development, which bundles the packages of an application when it is started. */
export async function viteServer(name: string, headers: Record<string, string>): Promise<ViteDevServer> {
  const root = await application(name);
  const server = { host: "127.0.0.1", port: 0, headers, fs: { strict: true } };
  const cacheDir = join(root, ".vite");
  return createServer({ root, configFile: false, logLevel: "warn", cacheDir, server });
}

/** What webpack makes of an application with the least configuration: where it begins, and where it goes. */
export async function byWebpack(name: string): Promise<string> {
  const root = await application(name);
  const path = join(root, "dist");
  const compiler = webpack({ mode: "production", context: root, entry: "./app.js", output: { path } });
  if (compiler === null) throw new Error("webpack takes no configuration");
  await new Promise<void>((resolve, reject) => {
    compiler.run((error, stats) => {
      if (error) reject(error);
      else if (stats?.hasErrors()) reject(new Error(stats.toString({ all: false, errors: true })));
      else resolve();
    });
  });
  await cp(join(root, "index.html"), join(path, "index.html"));
  return path;
}
