//! Compiles the tests in TypeScript and runs them on the built npm package: in Node, in Chromium, and through bundlers.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// How long a file of tests may take in all.
const LIMIT_MS: u32 = 600_000;

/// What the package declares is what it is meant to: tests of types compile, whichever way modules are looked up.
#[test]
fn types() {
    let Some(project) = project() else { return };
    compiled(project);
    let bundled = ["--module", "esnext", "--moduleResolution", "bundler", "--noEmit"];
    succeeds(compiler().args(bundled));
}

#[test]
fn units() {
    run_all_of("unit");
}

#[test]
fn conformance() {
    run_all_of("conformance");
}

#[test]
fn browser() {
    run_all_of("browser");
}

/// What the documentation shows compiles.
#[test]
fn docs() {
    run_all_of("docs");
}

/// The page in `examples/web`.
#[test]
fn example() {
    run_all_of("example");
}

/// The assertions are the compiler's, in `types`; that the names exist is for Node to say.
#[test]
fn names() {
    run_all_of("types");
}

#[test]
fn bundlers() {
    run_all_of("bundlers");
}

/// Runs every `*.test.ts` below a folder of the tests.
fn run_all_of(name: &str) {
    let Some(project) = project() else { return };
    let files = test_files(&compiled(project).join(name));
    assert!(!files.is_empty(), "there are no tests in wasm/js/tests/{name}");
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec", "--enable-source-maps", "--test-concurrency=1"]);
    node.arg(format!("--test-timeout={LIMIT_MS}")).args(files).current_dir(project);
    node.env("ORTLET_TEST_NPM", project).env("ORTLET_TEST_REPOSITORY", repository());
    succeeds(&mut node);
}

/// The project of Node's that `cargo xtask test` prepares; none where a tool is missing, which only CI has to have.
fn project() -> Option<&'static Path> {
    static PROJECT: OnceLock<PathBuf> = OnceLock::new();
    let project = PROJECT.get_or_init(|| {
        env::var_os("ORTLET_TEST_NPM").expect("ORTLET_TEST_NPM: run `cargo xtask test`").into()
    });
    if project.as_os_str().is_empty() {
        assert!(
            env::var_os("CI").is_none(),
            "a tool is missing that the npm package is built or tested with"
        );
        return None;
    }
    Some(project)
}

/// The folder with the tests as JavaScript, in the project, so that they find the package as any program does.
fn compiled(project: &Path) -> PathBuf {
    // Also a failure is only had once.
    static OUTPUT: OnceLock<Result<(), String>> = OnceLock::new();
    let folder = project.join("tests");
    let output = OUTPUT.get_or_init(|| {
        // What was compiled from sources that are no more.
        let _ = fs::remove_dir_all(&folder);
        run(compiler().arg("--outDir").arg(&folder)).map(drop)
    });
    if let Err(errors) = output {
        panic!("the tests do not compile: {errors}");
    }
    folder
}

fn compiler() -> Command {
    let mut compiler = Command::new(sources().join("node_modules/.bin/tsc"));
    compiler.arg("-p").arg(sources().join("tests")).args(["--pretty", "false"]);
    compiler
}

/// The folder of the TypeScript.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("js")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every `*.test.js` below a folder, sorted.
fn test_files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let is_test =
                path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.ends_with(".test.js"));
            if path.is_dir() {
                folders.push(path);
            } else if is_test {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn succeeds(command: &mut Command) {
    print!("{}", run(command).unwrap_or_else(|failure| panic!("{failure}")));
}

/// What a program prints that ends well; else everything that it said.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        return Ok(out.into_owned());
    }
    Err(format!("{command:?}: {}\n{out}\n{err}", output.status))
}
