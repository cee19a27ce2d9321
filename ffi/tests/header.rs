//! The committed header is what `cbindgen` makes of this crate. `cargo xtask codegen` writes it.

use std::fs;
use std::path::Path;

/// Set to have the header written instead of compared.
const UPDATE: &str = "ORTLET_UPDATE";

#[test]
fn the_header_is_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).unwrap();
    let mut made = Vec::new();
    let bindings = cbindgen::Builder::new().with_crate(folder).with_config(config).generate().unwrap();
    bindings.write(&mut made);
    let made = String::from_utf8(made).unwrap();
    write_or_compare(&folder.join("include/ortlet/ortlet.h"), &made);
    write_or_compare(&folder.join("abi/symbols.txt"), &functions(&made));
}

fn write_or_compare(path: &Path, made: &str) {
    if std::env::var_os(UPDATE).is_some() {
        return fs::write(path, made).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(committed == made, "`{}` is not up to date: run `cargo xtask codegen`", path.display());
}

/// The names of the header's functions, sorted.
fn functions(header: &str) -> String {
    let declared =
        header.lines().filter(|line| !line.starts_with([' ', '/', '#', '}']) && line.contains('('));
    let names = declared.filter_map(|line| {
        let before = line.split('(').next()?;
        before.rsplit([' ', '*']).next().filter(|name| name.starts_with("ortlet_"))
    });
    let mut names: Vec<_> = names.filter(|name| !name.ends_with("_callback")).collect();
    names.sort_unstable();
    names.iter().map(|name| format!("{name}\n")).collect()
}
