//! The committed declarations are what is made of the Rust structs. `cargo xtask codegen` writes them.

use std::fs;
use std::path::Path;

use ortlet::schema;
use ortlet_codegen::{model, python, typescript};

/// Set to have the files written instead of compared.
const UPDATE: &str = "ORTLET_UPDATE";

#[test]
fn the_python_declarations_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/ortlet");
    let reports = model::declarations(&schema::reports());
    let options = model::declarations(&schema::options());
    write_or_compare(&folder.join("reports.py"), &python::reports(&reports));
    write_or_compare(&folder.join("words.py"), &python::words(&reports));
    write_or_compare(&folder.join("options.py"), &python::options(&options, &reports));
}

#[test]
fn the_typescript_declarations_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wasm/js/src/generated");
    let reports = model::declarations(&schema::reports());
    let options = model::declarations(&schema::options());
    write_or_compare(&folder.join("reports.ts"), &typescript::reports(&reports));
    write_or_compare(&folder.join("words.ts"), &typescript::words(&options, &reports));
    write_or_compare(&folder.join("options.ts"), &typescript::options(&options));
}

fn write_or_compare(path: &Path, made: &str) {
    if std::env::var_os(UPDATE).is_some() {
        return fs::write(path, made).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(committed == made, "`{}` is not up to date: run `cargo xtask codegen`", path.display());
}
