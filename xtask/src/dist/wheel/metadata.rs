//! What the package says of itself: as maturin reads `pyproject.toml`, so that every way to install says the same.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::cache::Cache;
use crate::dist::{Target, target_folder};
use crate::{repo, venv};

const SUFFIX: &str = ".dist-info";

pub struct Metadata {
    /// Name and version as files are called: `ortlet-0.1.0`.
    pub stem: String,
    /// Text of the file `METADATA`.
    pub text: String,
    /// Text of the file `entry_points.txt`.
    pub entry_points: String,
}

impl Metadata {
    /// Names the files with licences that the package has.
    pub fn with_licences(self, names: &[&str]) -> Self {
        let lines: String = names.iter().map(|name| format!("License-File: {name}\n")).collect();
        // The headers end at the first empty line; the description follows.
        let (headers, rest) = self.text.split_once("\n\n").unwrap_or((self.text.trim_end(), ""));
        let text = format!("{headers}\n{lines}\n{rest}");
        Self { text, ..self }
    }
}

pub fn of_project(target: &Target) -> Result<Metadata> {
    let folder = target_folder().join("wheel").join(target.triple);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let folder = std::path::absolute(&folder).with_context(|| format!("resolve {}", folder.display()))?;
    write(target, &folder)?;
    let entries = fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?;
    let mut names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let name = names.find(|name| name.ends_with(SUFFIX)).context("maturin wrote no metadata")?;
    let read = |file: &str| {
        let path = folder.join(&name).join(file);
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    };
    Ok(Metadata {
        stem: name.trim_end_matches(SUFFIX).to_owned(),
        text: read("METADATA")?,
        entry_points: read("entry_points.txt")?,
    })
}

/// Has maturin write the folder `….dist-info`; it builds nothing.
fn write(target: &Target, folder: &Path) -> Result<()> {
    let python = venv::ensure(&Cache::open()?, &venv::PACKAGERS)?;
    let mut command = Command::new(python.with_file_name("maturin"));
    command.args(["pep517", "write-dist-info", "--locked", "--target", target.triple]);
    command.arg("--interpreter").arg(&python).arg("--metadata-directory").arg(folder);
    command.current_dir(repo::root().join("python")).env_remove("CARGO_BUILD_TARGET").stdin(Stdio::null());
    let output = command.output().context("run maturin")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "maturin cannot write the package's metadata: {said}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_named_among_the_headers() {
        let named = |text: &str| {
            let (stem, entry_points) = (String::new(), String::new());
            Metadata { stem, text: text.into(), entry_points }.with_licences(&["A", "B"]).text
        };
        let expected = "Name: x\nLicense-File: A\nLicense-File: B\n\n";
        assert_eq!(named("Name: x\n"), expected);
        assert_eq!(named("Name: x\n\n# Title\n\nText\n"), format!("{expected}# Title\n\nText\n"));
    }
}
