//! Lays the files of an archive out in a folder.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::build::Built;
use super::{Target, copy, third_party, version, write};
use crate::{pins, repo};

/// What a program that links the static library has to link besides: what `rustc --print native-static-libs` names for
/// these targets, without the C library, which is linked anyway, and `-lutil`, of which nothing is used.
const STATIC_LIBS: [&str; 5] = ["-lgcc_s", "-lrt", "-lpthread", "-lm", "-ldl"];

pub fn stage(folder: &Path, target: &Target, built: &Built, runtime: &Path) -> Result<()> {
    let (root, major) = (repo::root(), version().split('.').next().unwrap_or_default());
    let soname = format!("libortlet.so.{major}");
    let headers = Path::new("include/ortlet");
    copy_all(&root.join("ffi").join(headers), &folder.join(headers))?;
    copy(&built.library, &folder.join("lib").join(&soname))?;
    symlink(&soname, &folder.join("lib/libortlet.so"))?;
    copy(&built.static_library, &folder.join("lib/libortlet.a"))?;
    copy(&built.program, &folder.join("bin/ortlet"))?;
    copy(&runtime.join(pins::RUNTIME_LIBRARY), &folder.join("lib").join(pins::RUNTIME_LIBRARY))?;
    for (notice, name) in
        [("LICENSE", "LICENSE-onnxruntime"), ("ThirdPartyNotices.txt", "NOTICES-onnxruntime.txt")]
    {
        copy(&runtime.join(notice), &folder.join(name))?;
    }
    copy(&third_party::standard_library()?, &folder.join("NOTICES-rust.html"))?;
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        copy(&root.join(licence), &folder.join(licence))?;
    }
    let cmake = STATIC_LIBS.join(";");
    fill("ortletConfig.cmake", &folder.join("lib/cmake/ortlet"), target, &cmake)?;
    fill("ortletConfigVersion.cmake", &folder.join("lib/cmake/ortlet"), target, &cmake)?;
    fill("ortlet.pc", &folder.join("lib/pkgconfig"), target, &STATIC_LIBS.join(" "))?;
    fill("README.md", folder, target, "")
}

/// Copies a template, its places filled in.
fn fill(name: &str, folder: &Path, target: &Target, static_libs: &str) -> Result<()> {
    let template = repo::root().join("ffi/package").join(name);
    let text = fs::read_to_string(&template).with_context(|| format!("read {}", template.display()))?;
    let mut numbers = version().split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let places = [
        ("@VERSION@", version()),
        ("@MAJOR@", major),
        ("@MINOR@", minor),
        ("@TRIPLE@", target.triple),
        ("@RUNTIME@", pins::RUNTIME_VERSION),
        ("@STATIC_LIBS@", static_libs),
    ];
    let text = places.iter().fold(text, |text, (place, value)| text.replace(place, value));
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    write(&folder.join(name), &text)
}

/// Every file of a folder.
fn copy_all(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("list {}", from.display()))? {
        let entry = entry.with_context(|| format!("list {}", from.display()))?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(unix)]
fn symlink(target: &str, link: &Path) -> Result<()> {
    std::os::unix::fs::symlink(target, link).with_context(|| format!("create {}", link.display()))
}

#[cfg(not(unix))]
fn symlink(_: &str, link: &Path) -> Result<()> {
    anyhow::bail!("packages are made on Linux: {} would be a symbolic link", link.display())
}
