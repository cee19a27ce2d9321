//! The C interface as C programs use it: headers, layouts, exported names, misuse, runs, values, threads, forks.

mod common;

use std::fs;
use std::process::Command;

use common::{
    Linking, c_source, compile, dense, expected_of_runs, ffi, fixtures, scratch, shared_fixtures, succeeds,
};

const C99: &[&str] = &["-std=c99"];
/// With threads and fork.
const C99_POSIX: &[&str] = &["-std=c99", "-D_POSIX_C_SOURCE=200809L"];

/// The compilers that are here: gcc always, clang if it is installed.
fn compilers() -> Vec<(&'static str, &'static str)> {
    let has_clang = Command::new("clang++").arg("--version").output().is_ok();
    [("gcc", "g++")].into_iter().chain(has_clang.then_some(("clang", "clang++"))).collect()
}

#[test]
fn headers_compile_alone_and_twice() {
    let folder = scratch("headers");
    for (c, cpp) in compilers() {
        for (header, compiler, standard, ending) in [
            ("ortlet.h", c, "-std=c99", "c"),
            ("ortlet.h", cpp, "-std=c++17", "cpp"),
            ("ortlet.hpp", cpp, "-std=c++17", "cpp"),
            ("ortlet.hpp", cpp, "-std=c++20", "cpp"),
        ] {
            let source = folder.join(format!("twice.{ending}"));
            let include = format!("#include <ortlet/{header}>\n");
            for times in [1, 2] {
                fs::write(&source, include.repeat(times)).unwrap();
                let mut command = Command::new(compiler);
                command.args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]);
                succeeds(command.arg("-I").arg(ffi().join("include")).arg(&source));
            }
        }
    }
}

#[test]
fn layouts_are_the_same_in_c() {
    let folder = scratch("layouts");
    succeeds(&mut Command::new(compile(
        "cc",
        &c_source("layouts.c"),
        &["-std=c11"],
        Linking::Shared,
        &folder,
    )));
}

#[test]
fn only_the_functions_of_the_header_are_exported() {
    let mut command = Command::new("nm");
    let output = succeeds(command.args(["-D", "--defined-only"]).arg(common::built().join("libortlet.so")));
    let text = String::from_utf8(output.stdout).unwrap();
    let exported: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let listed = fs::read_to_string(ffi().join("abi/symbols.txt")).unwrap();
    assert_eq!(exported, listed.lines().collect::<Vec<_>>());
}

#[test]
fn misuse_gives_errors() {
    let program = compile("cc", &c_source("misuse.c"), C99, Linking::Shared, &scratch("misuse"));
    succeeds(Command::new(program).arg(fixtures()));
}

#[test]
fn runs_of_every_kind_give_what_onnx_runtime_gives() {
    for linking in [Linking::Shared, Linking::Static] {
        let folder = scratch(&format!("runs-{linking:?}"));
        let program = compile("cc", &c_source("runs.c"), C99_POSIX, linking, &folder);
        succeeds(Command::new(program).arg(fixtures()).arg(&folder).arg(dense()).args(expected_of_runs()));
    }
}

#[test]
fn values_of_every_kind_go_in_and_out() {
    let program = compile("cc", &c_source("values.c"), C99, Linking::Shared, &scratch("values"));
    succeeds(Command::new(program).arg(shared_fixtures()));
}

#[test]
fn runs_under_way_are_ended_and_guarded() {
    let program =
        compile("cc", &c_source("interrupted.c"), C99_POSIX, Linking::Shared, &scratch("interrupted"));
    succeeds(Command::new(program).arg(shared_fixtures()));
}

#[test]
fn sixteen_threads_share_a_session() {
    let program = compile("cc", &c_source("threads.c"), C99_POSIX, Linking::Shared, &scratch("threads"));
    succeeds(Command::new(program).arg(fixtures()));
}

#[test]
fn forked_processes_are_told_and_end() {
    let program = compile("cc", &c_source("forks.c"), C99_POSIX, Linking::Shared, &scratch("forks"));
    succeeds(Command::new(program).arg(fixtures()));
}
