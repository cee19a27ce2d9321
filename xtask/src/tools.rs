//! The programs that checks need besides cargo: parts of the toolchain, Debian packages.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::repo;
use crate::say::{self, MissingTool};

/// The target that portable code has to compile for.
pub const WASM: &str = "wasm32-unknown-unknown";

/// Makes sure that a component of the toolchain is there; `probe` is the cargo command that it brings.
pub fn component(name: &str, probe: &str) -> Result<()> {
    if succeeds(repo::cargo().args([probe, "--version"])) {
        return Ok(());
    }
    rustup(&["component", "add", name])
}

/// Makes sure that code can be compiled for the browser.
pub fn wasm_target() -> Result<()> {
    rust_target(WASM)
}

/// Makes sure that code can be compiled for a target.
pub fn rust_target(triple: &str) -> Result<()> {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output();
    let installed = sysroot.is_ok_and(|output| {
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        folder.join("lib/rustlib").join(triple).join("lib").is_dir()
    });
    if installed { Ok(()) } else { rustup(&["target", "add", triple]) }
}

/// Makes sure that there is a nightly toolchain, without installing one.
pub fn nightly() -> Result<()> {
    if succeeds(nightly_cargo().arg("--version")) {
        return Ok(());
    }
    let remedy = "install it with `rustup toolchain install nightly`".into();
    bail!(MissingTool { tool: "nightly Rust".into(), remedy });
}

/// Makes sure that Miri is there. Adds it to a nightly toolchain, but does not install one.
pub fn miri() -> Result<()> {
    if succeeds(nightly_cargo().args(["miri", "--version"])) {
        return Ok(());
    }
    rustup(&["component", "add", "--toolchain", "nightly", "rust-src", "miri"])
}

/// The nightly toolchain's cargo, working at the root.
pub fn nightly_cargo() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]).current_dir(repo::root()).stdin(Stdio::null());
    // Cargo would take over the one that runs us.
    command.env_remove("CARGO");
    command
}

fn rustup(arguments: &[&str]) -> Result<()> {
    let command = format!("rustup {}", arguments.join(" "));
    say::note(format_args!("running `{command}`"));
    let status = Command::new("rustup").args(arguments).stdin(Stdio::null()).status();
    if status.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    let tool = arguments.last().copied().unwrap_or_default().to_owned();
    bail!(MissingTool { tool, remedy: format!("install it with `{command}`") });
}

/// A program by its name or a file by its path, and the Debian package that brings it.
pub type DebianFile = (&'static str, &'static str);

/// The program that speaks.
pub const SPEECH: DebianFile = ("espeak-ng", "espeak-ng");

const C_TESTS: [DebianFile; 4] = [
    ("clang++", "clang"),
    ("valgrind", "valgrind"),
    SPEECH,
    ("/usr/include/nlohmann/json.hpp", "nlohmann-json3-dev"),
];

/// Makes sure that compilers, checkers and libraries of the C and C++ tests are there.
pub fn c_tests() -> Result<()> {
    debian(&C_TESTS)
}

/// Makes sure that the browser is there that the npm package is tested in.
pub fn browser() -> Result<()> {
    debian(&[("chromium", "chromium")])
}

/// Makes sure that what Debian packages bring is there.
pub fn debian(files: &[DebianFile]) -> Result<()> {
    let is_there =
        |what: &str| PathBuf::from(what).is_absolute() && PathBuf::from(what).exists() || on_path(what);
    let lacking = || files.iter().filter(|(what, _)| !is_there(what)).map(|(_, package)| *package);
    let packages: Vec<_> = lacking().collect();
    if packages.is_empty() || apt_install(&packages) && lacking().next().is_none() {
        return Ok(());
    }
    let tool = packages.join(", ");
    let remedy = format!("install them, for example with `apt-get install {}`", packages.join(" "));
    bail!(MissingTool { tool, remedy });
}

/// Whether there is a program of this name.
fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Installs Debian packages if this is a machine where that is ours to do: apt is there and we are root.
pub fn apt_install(packages: &[&str]) -> bool {
    let is_root =
        Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !is_root || !succeeds(Command::new("apt-get").arg("--version")) {
        return false;
    }
    say::note(format_args!("installing {} with apt-get", packages.join(" ")));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        // Standard output stays for the programs that were asked for.
        command.stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let install = [&["install", "--yes", "--quiet", "--no-install-recommends"], packages].concat();
    // The lists of a fresh container are empty; those of an older machine may be all that is reachable.
    let updated = apt(&["update", "--quiet"]);
    let installed = apt(&install);
    if !installed && !updated {
        say::note("apt-get could not reach its package lists");
    }
    installed
}

fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
