//! What Debian has for another kind of machine, unpacked into a folder of the cache that programs may take for `/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::cache::Cache;
use crate::digest::sha256;
use crate::say::{self, MissingTool};
use crate::stamp;

const STAMP: &str = ".stamp";

/// Makes sure that the packages are there with all that they depend on; returns their folder. Nothing of it is
/// installed, and this machine's own packages stay as they are.
pub fn ensure(cache: &Cache, architecture: &str, packages: &[&str]) -> Result<PathBuf> {
    let folder = cache.path("sysroot").join(architecture);
    let key = sha256(packages.join(" ").as_bytes());
    if stamp::holds(&folder, STAMP, &key) {
        return Ok(folder);
    }
    say::note(format_args!("downloading {} for {architecture} (29 MB)", packages.join(", ")));
    let downloads = cache.scratch("debian")?;
    let root = cache.scratch("sysroot")?;
    download(downloads.path(), architecture, packages)?;
    for archive in archives(downloads.path())? {
        let mut command = Command::new("dpkg-deb");
        command.arg("--extract").arg(&archive).arg(root.path()).stdin(Stdio::null());
        let status = command.status().context("run dpkg-deb")?;
        ensure!(status.success(), "cannot unpack {}", archive.display());
    }
    stamp::write(root.path(), STAMP, &key, &[])?;
    cache.install(&root, &folder)?;
    Ok(folder)
}

/// Has apt find out and fetch what is needed on a machine that has nothing, as this machine's own sources have it.
fn download(folder: &Path, architecture: &str, packages: &[&str]) -> Result<()> {
    for part in ["state/lists/partial", "cache/archives/partial"] {
        let part = folder.join(part);
        fs::create_dir_all(&part).with_context(|| format!("create {}", part.display()))?;
    }
    let nothing = folder.join("status");
    fs::write(&nothing, "").with_context(|| format!("write {}", nothing.display()))?;
    let options = [
        format!("APT::Architecture={architecture}"),
        format!("APT::Architectures={architecture}"),
        format!("Dir::State={}", folder.join("state").display()),
        format!("Dir::State::status={}", nothing.display()),
        format!("Dir::Cache={}", folder.join("cache").display()),
        // The user that it would download as may not write here.
        "APT::Sandbox::User=root".into(),
    ];
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(options.iter().flat_map(|option| ["--option", option]));
        command.args(arguments).stdin(Stdio::null()).output()
    };
    // Sources of other makers may have nothing for that machine.
    let _ = apt(&["update", "--quiet"]);
    let install = ["install", "--download-only", "--yes", "--quiet", "--no-install-recommends"];
    match apt(&[&install[..], packages].concat()) {
        Ok(output) if output.status.success() => Ok(()),
        result => {
            let said = result.map_or_else(|error| error.to_string(), |output| last_line(&output.stderr));
            let tool = format!("{} for {architecture}", packages.join(", "));
            bail!(MissingTool {
                tool,
                remedy: format!("use a Debian that can download it: apt-get said: {said}")
            });
        }
    }
}

fn last_line(said: &[u8]) -> String {
    String::from_utf8_lossy(said).lines().last().unwrap_or_default().to_owned()
}

fn archives(folder: &Path) -> Result<Vec<PathBuf>> {
    let folder = folder.join("cache/archives");
    let entries = fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut archives: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "deb")).collect();
    archives.sort();
    Ok(archives)
}
