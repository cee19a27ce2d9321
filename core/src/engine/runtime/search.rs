//! Where the ONNX Runtime library may be.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::engine::runtime::RuntimeOptions;

/// Names the library explicitly; nothing else is searched then.
pub(super) const ENVIRONMENT_VARIABLE: &str = "ORTLET_RUNTIME";

#[cfg(target_os = "windows")]
const LIBRARY_NAMES: [&str; 1] = ["onnxruntime.dll"];
#[cfg(target_os = "macos")]
const LIBRARY_NAMES: [&str; 1] = ["libonnxruntime.dylib"];
#[cfg(not(any(target_os = "windows", target_os = "macos")))]
const LIBRARY_NAMES: [&str; 2] = ["libonnxruntime.so.1", "libonnxruntime.so"];

/// A rule and the places that it offers, best first.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) places: Vec<Place>,
    /// The caller named this place, so a failure here ends the search.
    pub(super) binding: bool,
}

/// A place as it is shown to people, and the library in it if there is one.
pub(super) struct Place {
    pub(super) shown: PathBuf,
    pub(super) library: Option<PathBuf>,
}

/// Every rule in order. A path or variable that names a place is the only rule.
pub(super) fn rules(options: &RuntimeOptions) -> Vec<Rule> {
    let named = |name, path: &Path| vec![Rule { name, places: vec![named_place(path)], binding: true }];
    if let Some(path) = &options.path {
        return named("the path given", path);
    }
    if let Some(path) = env::var_os(ENVIRONMENT_VARIABLE).filter(|path| !path.is_empty()) {
        return named(ENVIRONMENT_VARIABLE, Path::new(&path));
    }
    let rule = |name, folders: Vec<PathBuf>| {
        let places = folders.into_iter().map(folder_place).collect();
        Rule { name, places, binding: false }
    };
    vec![
        rule("beside the library that contains Ortlet or the program", own_folders()),
        rule("folders given by the binding", options.folders.clone()),
        rule("pip-installed onnxruntime", python_folders()),
        Rule { name: "system loader", places: loader_places(), binding: false },
    ]
}

fn named_place(path: &Path) -> Place {
    if path.is_dir() {
        return folder_place(path.to_owned());
    }
    // Absolute, because a bare name would be searched for by the loader.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Place { library: path.exists().then(|| path.clone()), shown: path }
}

fn folder_place(folder: PathBuf) -> Place {
    Place { library: library_in(&folder), shown: folder }
}

fn loader_places() -> Vec<Place> {
    LIBRARY_NAMES.iter().map(|&name| Place { shown: name.into(), library: Some(name.into()) }).collect()
}

/// The newest library in a folder: `libonnxruntime.so`, or with a version behind it.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    let names = entries.flatten().map(|entry| entry.file_name());
    names
        .filter(|name| version_of(name).is_some())
        .max_by_key(|name| version_of(name))
        .map(|name| folder.join(name))
}

/// The version numbers in a library's file name, or `None` if it is another file.
fn version_of(name: &OsStr) -> Option<Vec<u32>> {
    let name = name.to_str()?;
    let version = if cfg!(target_os = "windows") {
        name.strip_prefix("onnxruntime")?.strip_suffix(".dll")?
    } else if cfg!(target_os = "macos") {
        name.strip_prefix("libonnxruntime")?.strip_suffix(".dylib")?
    } else {
        name.strip_prefix("libonnxruntime.so")?
    };
    version.split('.').skip(1).map(|part| part.parse().ok()).collect()
}

/// The folders of the library that this code was linked into and of the program, and `lib` beside each. The library
/// first: the program may be an interpreter, with a `lib` beside it that is the whole system's.
fn own_folders() -> Vec<PathBuf> {
    let files = [own_library(), env::current_exe().ok()];
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in files.iter().flatten().filter_map(|file| file.parent()) {
        let beside = folder.parent().unwrap_or(folder).join("lib");
        for folder in [folder.to_owned(), folder.join("lib"), beside] {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
    }
    folders
}

/// The shared library or program that holds this function.
#[cfg(unix)]
fn own_library() -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;

    // SAFETY: an all-zero `Dl_info` is valid (null pointers), and `dladdr` only writes to it. The name it gives
    // belongs to the loader and is copied before anything can unload the library.
    let name = unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr(own_library as *const libc::c_void, &mut info) == 0 || info.dli_fname.is_null() {
            return None;
        }
        OsStr::from_bytes(std::ffi::CStr::from_ptr(info.dli_fname).to_bytes()).to_owned()
    };
    fs::canonicalize(name).ok()
}

#[cfg(not(unix))]
fn own_library() -> Option<PathBuf> {
    None
}

/// `onnxruntime/capi` in the site-packages of the active and the installed Pythons, without starting any.
fn python_folders() -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> =
        ["VIRTUAL_ENV", "CONDA_PREFIX"].iter().filter_map(env::var_os).map(PathBuf::from).collect();
    let programs = env::var_os("PATH").unwrap_or_default();
    roots.extend(
        env::split_paths(&programs)
            .filter(|folder| folder.join("python3").exists())
            .filter_map(|folder| python_root(&folder)),
    );
    roots.extend(env::home_dir().map(|home| home.join(".local")));
    if let Some(pyenv) = env::var_os("PYENV_ROOT") {
        roots.extend(subfolders(&Path::new(&pyenv).join("versions"), ""));
    }
    let mut folders: Vec<PathBuf> = Vec::new();
    for packages in roots.iter().flat_map(|root| site_packages(root)) {
        let folder = packages.join("onnxruntime").join("capi");
        if folder.is_dir() && !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

/// The installation that a folder with a `python3` belongs to: `/usr` of `/usr/bin`.
fn python_root(programs: &Path) -> Option<PathBuf> {
    let python = fs::canonicalize(programs.join("python3")).ok()?;
    // In a virtual environment `python3` is a link to elsewhere; the environment is beside `pyvenv.cfg`.
    let own = programs.parent()?;
    if own.join("pyvenv.cfg").exists() {
        Some(own.to_owned())
    } else {
        Some(python.parent()?.parent()?.to_owned())
    }
}

fn site_packages(root: &Path) -> Vec<PathBuf> {
    let lib = root.join("lib");
    let mut folders = subfolders(&lib, "python3");
    folders.push(root.join("Lib"));
    folders.iter().flat_map(|folder| [folder.join("site-packages"), folder.join("dist-packages")]).collect()
}

/// The folders in `folder` whose names start with `prefix`, the highest name first.
fn subfolders(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

/// What to do when there is no library.
pub(super) fn remedy() -> String {
    let file = LIBRARY_NAMES[0];
    format!(
        "To get it: `pip install onnxruntime`, or take {file} from a release of ONNX Runtime and put it beside your \
         program, or name it in {ENVIRONMENT_VARIABLE}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_newest_library_of_a_folder_is_taken() {
        let folder = env::temp_dir().join(format!("ortlet-search-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(library_in(&folder), None);
        for name in [
            "libonnxruntime.so.1.9.0",
            "libonnxruntime.so.1.24.1",
            "libonnxruntime_providers_shared.so",
            "libonnxruntime.so.bak",
        ] {
            fs::write(folder.join(name), "").unwrap();
        }
        assert_eq!(library_in(&folder), Some(folder.join("libonnxruntime.so.1.24.1")));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_named_place_is_the_only_one() {
        let options = RuntimeOptions { path: Some("/nowhere/at/all".into()), ..Default::default() };
        let rules = rules(&options);
        assert_eq!(rules.len(), 1);
        assert!(rules[0].binding && rules[0].places[0].library.is_none());
    }

    #[test]
    fn this_program_is_found() {
        let folder = env::current_exe().unwrap().parent().unwrap().to_owned();
        assert!(own_folders().contains(&folder));
    }
}
