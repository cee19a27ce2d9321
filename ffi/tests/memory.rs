//! The C programs under memory checkers: sanitizers for what they do themselves, valgrind for the library too.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{
    Linking, c_source, compile, dense, expected_of_runs, fixtures, scratch, shared_fixtures, succeeds,
    valgrind,
};

const FLAGS: &[&str] = &["-std=c99", "-D_POSIX_C_SOURCE=200809L"];

fn with_sanitizers(source: &Path, folder: &Path) -> PathBuf {
    let flags = [FLAGS, &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]].concat();
    compile("cc", source, &flags, Linking::Shared, folder)
}

#[test]
fn programs_are_clean_under_sanitizers() {
    let folder = scratch("sanitizers");
    succeeds(Command::new(with_sanitizers(&c_source("misuse.c"), &folder)).arg(fixtures()));
    for name in ["values.c", "interrupted.c"] {
        succeeds(Command::new(with_sanitizers(&c_source(name), &folder)).arg(shared_fixtures()));
    }
    let runs = with_sanitizers(&c_source("runs.c"), &folder);
    succeeds(Command::new(runs).arg(fixtures()).arg(&folder).arg(dense()).args(expected_of_runs()));
}

#[test]
fn misuse_and_values_are_clean_under_valgrind() {
    let folder = scratch("valgrind");
    for (name, models) in [("misuse.c", fixtures()), ("values.c", shared_fixtures())] {
        let program = compile("cc", &c_source(name), FLAGS, Linking::Shared, &folder);
        if let Some(mut valgrind) = valgrind(&program) {
            succeeds(valgrind.arg(models));
        }
    }
}
