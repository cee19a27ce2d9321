//! `surface.toml` names what there is: every function of C once, and names that Rust, C++, Python and TypeScript have.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use common::ffi;

type Surface = BTreeMap<String, BTreeMap<String, toml::Value>>;

fn surface() -> Surface {
    toml::from_str(&fs::read_to_string(ffi().join("../surface.toml")).unwrap()).unwrap()
}

/// The last part of a name in a language; none for a reason why there is none.
fn name<'a>(entry: &'a BTreeMap<String, toml::Value>, language: &str) -> Option<&'a str> {
    let text = entry[language].as_str().unwrap();
    if text.starts_with("no: ") { None } else { text.rsplit(['.', ':']).next() }
}

fn sources(folder: &Path, endings: &[&str], into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, endings, into);
        } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_function_of_c_is_named_once() {
    let mut named = BTreeSet::new();
    for (capability, entry) in surface() {
        let languages: Vec<&str> = entry.keys().map(String::as_str).collect();
        assert_eq!(languages, ["c", "cpp", "python", "rust", "typescript"], "{capability}");
        let Some(functions) = entry["c"].as_array() else {
            assert!(entry["c"].as_str().unwrap().starts_with("no: "), "{capability}");
            continue;
        };
        for function in functions {
            assert!(named.insert(function.as_str().unwrap().to_owned()), "{function} is named twice");
        }
    }
    let symbols = fs::read_to_string(ffi().join("abi/symbols.txt")).unwrap();
    assert_eq!(named.iter().map(String::as_str).collect::<Vec<_>>(), symbols.lines().collect::<Vec<_>>());
}

#[test]
fn names_exist_in_every_language() {
    let [mut rust, mut python, mut typescript] = [const { String::new() }; 3];
    sources(&ffi().join("../core/src"), &["rs"], &mut rust);
    sources(&ffi().join("../python/ortlet"), &["py", "pyi"], &mut python);
    sources(&ffi().join("../wasm/js/src"), &["ts"], &mut typescript);
    let cpp = fs::read_to_string(ffi().join("include/ortlet/ortlet.hpp")).unwrap();
    for (capability, entry) in surface() {
        if let Some(name) = name(&entry, "rust") {
            let declared = [format!("fn {name}("), format!("fn {name}<")];
            assert!(declared.iter().any(|text| rust.contains(text)), "{capability}: no `{name}` in Rust");
        }
        if let Some(name) = name(&entry, "cpp") {
            let declared = [format!(" {name}("), format!("&{name}(")];
            assert!(declared.iter().any(|text| cpp.contains(text)), "{capability}: no `{name}` in C++");
        }
        if let Some(name) = name(&entry, "python") {
            let declared = [format!("def {name}("), format!("class {name}"), format!("{name}: str")];
            assert!(declared.iter().any(|text| python.contains(text)), "{capability}: no `{name}` in Python");
        }
        if let Some(name) = name(&entry, "typescript") {
            let declared =
                ["  NAME(", "function NAME(", "get NAME(", "async NAME(", "class NAME", "const NAME:"];
            let is_declared = declared.iter().any(|text| typescript.contains(&text.replace("NAME", name)));
            assert!(is_declared, "{capability}: no `{name}` in TypeScript");
        }
    }
}
