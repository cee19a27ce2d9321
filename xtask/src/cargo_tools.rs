//! Programs that cargo compiles from crates, of pinned versions.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::repo;
use crate::say::{self, MissingTool};

/// A program.
pub struct CargoTool {
    program: &'static str,
    /// The crate that it is in.
    package: &'static str,
    pub version: &'static str,
    /// Whether the versions of what it is made of are those that its authors had.
    is_locked: bool,
    /// How well it is optimized: compiling it fast matters more than running it fast.
    level: &'static str,
}

/// Judges licences, sources and vulnerabilities of dependencies.
pub const DENY: CargoTool = CargoTool {
    program: "cargo-deny",
    package: "cargo-deny",
    version: "0.20.2",
    is_locked: true,
    level: "0",
};

/// Makes JavaScript for WebAssembly. The crate `wasm-bindgen` has to have the same version.
pub const WASM_BINDGEN: CargoTool = CargoTool {
    program: "wasm-bindgen",
    package: "wasm-bindgen-cli",
    version: "0.2.130",
    // A crate that its lock file names was withdrawn.
    is_locked: false,
    level: "0",
};

impl CargoTool {
    /// The pinned program: the user's own if it is that version, else one in the cache.
    pub fn ensure(&self) -> Result<PathBuf> {
        let own = PathBuf::from(self.program);
        if self.is(&own) {
            return Ok(own);
        }
        let cache = Cache::open()?;
        let root = cache.path("tools");
        let cached = root.join("bin").join(self.program);
        if !self.is(&cached) {
            self.install(&root)?;
        }
        if !self.is(&cached) {
            bail!("{} is not {} {}", cached.display(), self.program, self.version);
        }
        Ok(cached)
    }

    fn install(&self, root: &Path) -> Result<()> {
        let (program, version) = (self.program, self.version);
        say::note(format_args!("compiling {program} {version} (a minute or two)"));
        let start = Instant::now();
        let mut install = vec!["install", self.package, "--version", version];
        install.extend(self.is_locked.then_some("--locked"));
        let mut command = repo::cargo();
        command.args(&install).arg("--force").arg("--root").arg(root);
        command.envs([
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", self.level),
            ("CARGO_PROFILE_RELEASE_LTO", "off"),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "64"),
            ("CARGO_PROFILE_RELEASE_DEBUG", "0"),
        ]);
        if !say::is_watched() {
            command.stderr(Stdio::piped());
        }
        let output = command.stdout(Stdio::null()).spawn().and_then(Child::wait_with_output);
        let output = output.context("run cargo install")?;
        if output.status.success() {
            say::note(format_args!("compiled {program} in {:.0} s", start.elapsed().as_secs_f64()));
            return Ok(());
        }
        // The reason comes last; before it may be pages of a C compiler's invocations.
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = said.lines().rev().take(5).collect();
        last.iter().rev().for_each(say::note);
        let remedy = format!("install it with `cargo {}`", install.join(" "));
        bail!(MissingTool { tool: format!("{program} {version}"), remedy });
    }

    fn is(&self, program: &Path) -> bool {
        let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim().ends_with(self.version))
    }
}
