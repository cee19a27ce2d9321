//! Looks into shared libraries and programs: what they need of glibc, and what they export.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::build::GLIBC;
use crate::repo;

/// No symbol may be newer than the glibc that is promised.
pub fn check_glibc(files: &[&Path]) -> Result<()> {
    for file in files {
        let symbols = symbols(file)?;
        let newer: Vec<&str> =
            symbols.lines().filter_map(|line| line.split_whitespace().find(|word| is_newer(word))).collect();
        if !newer.is_empty() {
            let (major, minor) = GLIBC;
            bail!("{} needs more than glibc {major}.{minor}: {}", file.display(), newer.join(", "));
        }
    }
    Ok(())
}

/// Every symbol has a library that it comes from; `is_given` tells those that come from whoever loads the file.
pub fn check_origins(files: &[&Path], is_given: fn(&str) -> bool) -> Result<()> {
    for file in files {
        let symbols = symbols(file)?;
        let unknown: Vec<&str> = symbols.lines().filter_map(nobodys).filter(|name| !is_given(name)).collect();
        ensure!(unknown.is_empty(), "{}: no library has {}", file.display(), unknown.join(", "));
    }
    Ok(())
}

/// The name in a line of readelf's if the symbol has to come from elsewhere, but the linker did not find it anywhere.
fn nobodys(line: &str) -> Option<&str> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let &[_, _, _, _, "GLOBAL", _, "UND", name] = words.as_slice() else { return None };
    (!name.contains('@')).then_some(name)
}

/// Whether a symbol, for example `memcpy@GLIBC_2.14`, is of a later version.
fn is_newer(symbol: &str) -> bool {
    let version = symbol.split_once("@GLIBC_").and_then(|(_, version)| {
        let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
        Some((numbers.next()?, numbers.next()?))
    });
    version.is_some_and(|version| version > GLIBC)
}

/// The functions of the header.
pub fn header() -> Result<String> {
    let list = repo::root().join("ffi/abi/symbols.txt");
    fs::read_to_string(&list).with_context(|| format!("read {}", list.display()))
}

/// Exactly these symbols, one a line, are exported.
pub fn check_exports(library: &Path, expected: &str) -> Result<()> {
    let expected: BTreeSet<&str> = expected.lines().collect();
    let symbols = symbols(library)?;
    let exported: BTreeSet<&str> = symbols.lines().filter_map(exported).collect();
    let (missing, extra): (Vec<_>, Vec<_>) =
        (expected.difference(&exported).collect(), exported.difference(&expected).collect());
    ensure!(
        missing.is_empty() && extra.is_empty(),
        "{} exports too much: {extra:?}, or too little: {missing:?}",
        library.display()
    );
    Ok(())
}

/// The name in a line of readelf's if the symbol is defined and visible:
/// `12: 0000000000001139 11 FUNC GLOBAL DEFAULT 14 ortlet_version`.
fn exported(line: &str) -> Option<&str> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let &[_, _, _, _, binding, visibility, section, name] = words.as_slice() else { return None };
    let is_exported = matches!(binding, "GLOBAL" | "WEAK") && visibility == "DEFAULT" && section != "UND";
    is_exported.then(|| name.split('@').next().unwrap_or(name))
}

/// readelf knows the files of every processor, where nm may only know its own.
fn symbols(file: &Path) -> Result<String> {
    let mut command = Command::new("readelf");
    command.args(["--dyn-syms", "--wide"]).arg(file).stdin(Stdio::null());
    let output = command.output().context("run readelf")?;
    ensure!(output.status.success(), "readelf cannot read {}", file.display());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(is_newer("fcntl64@GLIBC_2.34") && is_newer("x@GLIBC_3.1"));
        assert!(
            !is_newer("memcpy@GLIBC_2.14") && !is_newer("stat@GLIBC_2.28") && !is_newer("ortlet_version")
        );
        assert!(!is_newer("a@GLIBC_2.2.5") && !is_newer("_Unwind_Resume@GCC_3.0"));
    }

    #[test]
    fn only_defined_symbols_are_exported() {
        let line = "    12: 0000000000001139    11 FUNC    GLOBAL DEFAULT   14 ortlet_version";
        assert_eq!(exported(line), Some("ortlet_version"));
        assert_eq!(exported(&line.replace(" 14 ", " UND ")), None);
        assert_eq!(exported(&line.replace("GLOBAL", "LOCAL")), None);
        assert_eq!(nobodys("39: 0000 0 NOTYPE GLOBAL DEFAULT UND gettid"), Some("gettid"));
        assert_eq!(nobodys("39: 0000 0 FUNC GLOBAL DEFAULT UND free@GLIBC_2.2.5 (2)"), None);
        assert_eq!(nobodys("1: 0000 0 NOTYPE WEAK DEFAULT UND __gmon_start__"), None);
        assert_eq!(exported("Symbol table '.dynsym' contains 3 entries:"), None);
    }
}
