//! Which crate of the workspace may depend on which, and that all share one lints table.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Problem;
use crate::repo;

/// Crates and the crates of the workspace they may depend on, in any way.
const EDGES: &[(&str, &[&str])] = &[
    ("ortlet-kernels", &[]),
    ("ortlet", &["ortlet-kernels"]),
    ("ortlet-ffi", &["ortlet"]),
    ("ortlet-python", &["ortlet", "ortlet-cli"]),
    ("ortlet-wasm", &["ortlet"]),
    ("ortlet-cli", &["ortlet"]),
    ("ortlet-examples", &["ortlet"]),
    ("ortlet-codegen", &["ortlet"]),
    ("ortlet-bench", &["ortlet", "ortlet-kernels"]),
    ("xtask", &[]),
];

/// Crates from outside that only some of ours may depend on. The benchmarks measure `ort`'s ONNX Runtime as a peer.
const RESERVED: &[(&str, &[&str])] = &[("ort", &["ortlet", "ortlet-bench"]), ("ort-sys", &["ortlet"])];

const TABLE: &str = "the table in xtask/src/tidy/crates.rs";

pub fn check(root: &Path) -> Result<Vec<Problem>> {
    let packages = packages()?;
    let mut problems = Vec::new();
    for package in &packages {
        let file = package.manifest.strip_prefix(root).unwrap_or(&package.manifest);
        let text =
            fs::read_to_string(&package.manifest).with_context(|| format!("read {}", file.display()))?;
        problems.extend(lints(file, &text));
        problems.extend(edges(file, &text, package));
    }
    Ok(problems)
}

struct Package {
    name: String,
    manifest: PathBuf,
    dependencies: Vec<String>,
}

fn packages() -> Result<Vec<Package>> {
    let output = repo::cargo()
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .output()
        .context("run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).context("read cargo metadata")?;
    let packages = metadata["packages"].as_array().context("cargo metadata without packages")?;
    Ok(packages.iter().map(package).collect())
}

fn package(value: &Value) -> Package {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let dependencies = value["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
    Package {
        name: text(&value["name"]),
        manifest: text(&value["manifest_path"]).into(),
        dependencies: dependencies.iter().map(|dependency| text(&dependency["name"])).collect(),
    }
}

fn edges(file: &Path, manifest: &str, package: &Package) -> Vec<Problem> {
    let name = package.name.as_str();
    let Some((_, allowed)) = EDGES.iter().find(|(row, _)| *row == name) else {
        return vec![Problem::new(file, 1, format!("crate `{name}` has no row in {TABLE}"))];
    };
    let mut problems = Vec::new();
    for dependency in package.dependencies.iter().map(String::as_str) {
        let is_ours = EDGES.iter().any(|(row, _)| *row == dependency);
        let is_reserved = RESERVED.iter().any(|(row, users)| *row == dependency && !users.contains(&name));
        if is_reserved || is_ours && !allowed.contains(&dependency) {
            let line =
                manifest.lines().position(|line| line.starts_with(dependency)).map_or(1, |index| index + 1);
            problems.push(Problem::new(
                file,
                line,
                format!("`{name}` may not depend on `{dependency}`; see {TABLE}"),
            ));
        }
    }
    problems
}

fn lints(file: &Path, manifest: &str) -> Option<Problem> {
    let mut section = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    let inherits = section.by_ref().take_while(|line| !line.starts_with('[')).any(|line| {
        line.split_once('=').is_some_and(|(key, value)| key.trim() == "workspace" && value.trim() == "true")
    });
    (!inherits).then(|| {
        Problem::new(file, 1, "every crate inherits the one lints table: `[lints] workspace = true`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, dependencies: &[&str]) -> Vec<String> {
        let dependencies = dependencies.iter().map(|name| (*name).to_owned()).collect();
        let package = Package { name: name.into(), manifest: PathBuf::new(), dependencies };
        let manifest = "[dependencies]\nserde = \"1\"\nort = \"2\"\n";
        let problems = edges(Path::new("Cargo.toml"), manifest, &package);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn forbidden_edges_are_found() {
        assert_eq!(found("ortlet", &["ort", "serde", "ortlet-kernels"]), [""; 0]);
        assert_eq!(found("ortlet-ffi", &["ortlet", "libc"]), [""; 0]);
        assert!(found("ortlet", &["ortlet-ffi"])[0].contains("`ortlet` may not depend on `ortlet-ffi`"));
        assert!(found("ortlet-kernels", &["ortlet"])[0].contains("may not depend on `ortlet`"));
        assert!(
            found("ortlet-cli", &["ort"])[0]
                .starts_with("Cargo.toml:3: `ortlet-cli` may not depend on `ort`")
        );
        assert!(found("novel", &[])[0].contains("has no row"));
    }

    #[test]
    fn a_crate_with_lints_of_its_own_is_found() {
        let file = Path::new("Cargo.toml");
        assert_eq!(lints(file, "[package]\n[lints]\nworkspace = true\n"), None);
        for text in [
            "[package]\nname = \"x\"",
            "[lints]\n[other]\nworkspace = true",
            "[lints.rust]\nworkspace = true",
        ] {
            assert!(lints(file, text).is_some(), "{text}");
        }
    }
}
