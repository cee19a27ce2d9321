//! Builds programs against an unpacked archive, by CMake and by pkg-config, with gcc and clang, and runs them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{alone, output};
use crate::{dist, pins, repo};

const COMPILERS: [(&str, &str); 2] = [("gcc", "g++"), ("clang", "clang++")];
const PROGRAMS: [&str; 3] = ["c-shared", "c-static", "cpp-shared"];

type Build = fn(&Path, &Path, (&str, &str)) -> Result<()>;
const BUILDS: [(&str, Build); 2] = [("cmake", by_cmake), ("pkg-config", by_pkg_config)];

/// `package` is the unpacked archive.
pub fn check(package: &Path, folder: &Path) -> Result<()> {
    let mut first: Option<String> = None;
    for (name, build) in BUILDS {
        for compilers in COMPILERS {
            let folder = folder.join(name).join(compilers.0);
            fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
            build(package, &folder, compilers)?;
            for program in PROGRAMS {
                let numbers = run(package, &folder.join(program))?;
                let expected = first.get_or_insert_with(|| numbers.clone());
                ensure!(numbers == *expected, "{program} of {name}: {numbers}, not {expected}");
            }
        }
    }
    Ok(())
}

fn by_cmake(package: &Path, folder: &Path, (c, cpp): (&str, &str)) -> Result<()> {
    let mut configure = alone("cmake");
    configure.arg("-S").arg(sources()).arg("-B").arg(folder).args(["-G", "Unix Makefiles"]);
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", package.display()));
    configure.args([format!("-DCMAKE_C_COMPILER={c}"), format!("-DCMAKE_CXX_COMPILER={cpp}")]);
    output(&mut configure)?;
    output(alone("cmake").arg("--build").arg(folder)).map(drop)
}

fn by_pkg_config(package: &Path, folder: &Path, (c, cpp): (&str, &str)) -> Result<()> {
    let mut make = alone("make");
    make.arg("-f").arg(sources().join("Makefile")).arg("-C").arg(folder);
    make.args([format!("CC={c}"), format!("CXX={cpp}")]);
    make.env("PKG_CONFIG_PATH", package.join("lib/pkgconfig"));
    output(&mut make).map(drop)
}

/// Runs a program, checks what it says of itself, and returns what it computed.
fn run(package: &Path, program: &Path) -> Result<String> {
    let mut place = program.to_owned();
    if program.ends_with("c-static") {
        // It looks for ONNX Runtime in `../lib`, as a program would that is installed with it.
        place = package.join("bin/c-static");
        fs::copy(program, &place).with_context(|| format!("copy {}", program.display()))?;
    }
    let model = repo::root().join("tests/fixtures/models/perceptron.onnx");
    let printed = output(alone(&place).arg(model))?;
    let mut lines = printed.splitn(3, '\n');
    let mut line = || lines.next().with_context(|| format!("{} printed only: {printed}", program.display()));
    let (version, numbers, report) = (line()?, line()?, line()?);
    let abi = version.strip_prefix(dist::version()).map(str::trim).map(str::parse::<u32>);
    ensure!(matches!(abi, Some(Ok(_))), "{} calls itself {version}", program.display());
    let report: Value = serde_json::from_str(report).context("read what ortlet_doctor reports")?;
    let runtime = report["runtime"]["found"]["path"].as_str().unwrap_or_default();
    let bundled = package.join("lib").join(pins::RUNTIME_LIBRARY);
    ensure!(Path::new(runtime) == bundled, "{} found {runtime}, not its own", program.display());
    Ok(numbers.to_owned())
}

fn sources() -> PathBuf {
    repo::root().join("tests/packaging")
}
