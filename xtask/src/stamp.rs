//! Stamps: which files a folder of the cache must hold, so that damage and old pins are noticed.
//!
//! The first line is the key, a digest of everything the files were made from; each further line is the size,
//! SHA-256 and path of one file.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::digest::sha256;

/// Whether every file that the stamp lists is there unharmed, made from what `key` names.
pub fn holds(folder: &Path, stamp: &str, key: &str) -> bool {
    let Ok(text) = fs::read_to_string(folder.join(stamp)) else { return false };
    let mut lines = text.lines();
    lines.next() == Some(key) && lines.all(|line| line_holds(folder, line).is_some())
}

fn line_holds(folder: &Path, line: &str) -> Option<()> {
    let mut fields = line.splitn(3, ' ');
    let (size, digest, path) = (fields.next()?, fields.next()?, folder.join(fields.next()?));
    // The size first: it is cheap, and truncation is the usual damage.
    let found = fs::metadata(&path).ok()?.len();
    (size.parse() == Ok(found) && sha256(&fs::read(&path).ok()?) == digest).then_some(())
}

/// Lists the files, given relative to the folder. Written last, so that a stamp vouches for finished work.
pub fn write(folder: &Path, stamp: &str, key: &str, files: &[String]) -> Result<()> {
    let mut text = format!("{key}\n");
    for file in files {
        let path = folder.join(file);
        let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        text.push_str(&format!("{} {} {file}\n", bytes.len(), sha256(&bytes)));
    }
    write_whole(&folder.join(stamp), text.as_bytes())
}

/// Writes a file so that it is seen whole or not at all.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = path.with_extension("part");
    fs::write(&part, bytes).with_context(|| format!("write {}", part.display()))?;
    fs::rename(&part, path).with_context(|| format!("create {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_and_another_key_are_noticed() {
        let folder = std::env::temp_dir().join(format!("ortlet-stamp-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a b"), "contents").unwrap();
        write(&folder, ".stamp", "key", &["a b".into()]).unwrap();
        assert!(holds(&folder, ".stamp", "key"));
        assert!(!holds(&folder, ".stamp", "other key"));
        for damage in ["content", "CONTENTS", ""] {
            fs::write(folder.join("a b"), damage).unwrap();
            assert!(!holds(&folder, ".stamp", "key"), "{damage:?}");
        }
        fs::remove_dir_all(&folder).unwrap();
        assert!(!holds(&folder, ".stamp", "key"));
    }
}
