//! Where compiled models are kept, as an option.

use std::env;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The environment variable that names the cache folder where the options do not.
const ENVIRONMENT_VARIABLE: &str = "ORTLET_CACHE";

/// Whether and where compiled models are kept between processes.
///
/// In JSON: `null` for the default, `false`, `true` for the platform's folder, or a path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(untagged, !from, !into))]
#[serde(from = "CacheText", into = "CacheText")]
pub enum Cache {
    /// The folder that the environment variable `ORTLET_CACHE` names; without it, no cache.
    #[default]
    Default,
    /// No cache.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Is<false>"))]
    Off,
    /// The platform's folder for caches: `ortlet` in `$XDG_CACHE_HOME`, `~/.cache`, `~/Library/Caches` or
    /// `%LOCALAPPDATA%`.
    #[cfg_attr(feature = "schema", schemars(with = "crate::schema::Is<true>"))]
    Platform,
    /// This folder.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "path")))]
    Folder(PathBuf),
}

impl Cache {
    /// The folder, if there is to be a cache.
    pub fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::Default => {
                env::var_os(ENVIRONMENT_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from)
            }
            Self::Off => None,
            Self::Platform => platform_folder(),
            Self::Folder(folder) => Some(folder.clone()),
        }
    }
}

fn platform_folder() -> Option<PathBuf> {
    let named = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = env::home_dir();
    let caches = if cfg!(target_os = "windows") {
        named("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        home.map(|home| home.join("Library/Caches"))
    } else {
        named("XDG_CACHE_HOME").or_else(|| home.map(|home| home.join(".cache")))
    };
    caches.map(|caches| caches.join("ortlet"))
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum CacheText {
    Default(()),
    Wanted(bool),
    Folder(PathBuf),
}

impl From<CacheText> for Cache {
    fn from(text: CacheText) -> Self {
        match text {
            CacheText::Default(()) => Self::Default,
            CacheText::Wanted(true) => Self::Platform,
            CacheText::Wanted(false) => Self::Off,
            CacheText::Folder(folder) => Self::Folder(folder),
        }
    }
}

impl From<Cache> for CacheText {
    fn from(cache: Cache) -> Self {
        match cache {
            Cache::Default => Self::Default(()),
            Cache::Off => Self::Wanted(false),
            Cache::Platform => Self::Wanted(true),
            Cache::Folder(folder) => Self::Folder(folder),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_and_writes_as_json() {
        for (cache, json) in [
            (Cache::Default, "null"),
            (Cache::Off, "false"),
            (Cache::Platform, "true"),
            (Cache::Folder("/a/b".into()), r#""/a/b""#),
        ] {
            assert_eq!(serde_json::to_string(&cache).unwrap(), json);
            assert_eq!(serde_json::from_str::<Cache>(json).unwrap(), cache);
        }
    }
}
