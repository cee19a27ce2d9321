//! Keeps the folders of the machine that builds out of what it builds.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, ensure};

use crate::repo;

/// Arguments for the compiler, as cargo takes them: panics name files by where they are inside of their crates. The same
/// sources then give the same bytes wherever they lie.
pub fn flags() -> Result<String> {
    let mut shorter = vec![(repo::root(), "ortlet".to_owned())];
    shorter.extend(sources()?.into_iter().map(|folder| (folder, "crates".to_owned())));
    let flags = shorter.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    // Cargo separates them by this character, because paths may have spaces.
    Ok(flags.collect::<Vec<_>>().join("\u{1f}"))
}

/// Nothing may name the home of whoever built it.
pub fn check(files: &[&Path]) -> Result<()> {
    let homes = [repo::root(), cargo_home()?];
    for file in files {
        let bytes = fs::read(file).with_context(|| format!("read {}", file.display()))?;
        for home in &homes {
            let home = home.to_string_lossy();
            let found = bytes.windows(home.len()).any(|window| window == home.as_bytes());
            ensure!(!found, "{} names {home}, a folder of this machine", file.display());
        }
    }
    Ok(())
}

/// The folders that cargo unpacks crates into, one for each registry.
fn sources() -> Result<Vec<PathBuf>> {
    // There are none where crates are vendored.
    let entries = fs::read_dir(cargo_home()?.join("registry/src")).into_iter().flatten();
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    Ok(folders)
}

fn cargo_home() -> Result<PathBuf> {
    let own = env::var_os("CARGO_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    own.or_else(|| Some(env::home_dir()?.join(".cargo"))).context("no home folder: set CARGO_HOME")
}
