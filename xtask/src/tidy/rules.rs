//! Rules about single files: size, opening line, unsafe code, who names the runtime, paths of somebody's machine.

use std::path::Path;

use super::tokens::{Kind, Token};
use super::{MAXIMUM_LINES, Problem};

/// A peer has to be measured as it is, so these files call ONNX Runtime without Ortlet in between.
const PLAIN_ORT: &str = "bench/src/candidates/plain_ort.rs";
const RAW_ORT: &str = "bench/src/overhead/raw.rs";
/// Calls Ortlet as C does.
const C_CALLS: &str = "bench/src/overhead/c_interface.rs";

/// Where `unsafe` is someone's job: the native engine, SIMD and the bindings.
const UNSAFE_FOLDERS: &[&str] = &[
    "core/src/engine",
    "core/tests/counting",
    "kernels",
    "ffi",
    "python",
    "wasm",
    PLAIN_ORT,
    RAW_ORT,
    C_CALLS,
];

/// Who may know that the crate `ort` exists.
const RUNTIME_FOLDERS: &[&str] = &["core/src/engine/runtime", "core/src/engine/ops", PLAIN_ORT, RAW_ORT];

/// Folders of machines. In halves, so that this file does not break its own rule.
const MACHINE_FOLDERS: &[&str] = &[concat!("/", "work/"), concat!("/", "root/"), concat!("/", "home/")];

/// Length and opening line of a Rust file.
pub fn shape(file: &Path, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines > MAXIMUM_LINES {
        let message =
            format!("{lines} lines, at most {MAXIMUM_LINES} are allowed: split the file by its jobs");
        problems.push(Problem::new(file, MAXIMUM_LINES + 1, message));
    }
    let is_product = file.iter().any(|part| part == "src");
    if is_product && !text.starts_with("//!") {
        problems.push(Problem::new(file, 1, "the first line has to say the file's job: `//! …`"));
    }
    problems
}

/// Rules about words of the code. Unit tests are not exempt from these.
pub fn tokens(file: &Path, tokens: &[Token]) -> Vec<Problem> {
    let lies_in = |folders: &[&str]| folders.iter().any(|folder| file.starts_with(folder));
    let (may_be_unsafe, may_name_runtime) = (lies_in(UNSAFE_FOLDERS), lies_in(RUNTIME_FOLDERS));
    let may_name_engine = !file.starts_with("core/src") || file == Path::new("core/src/lib.rs");
    let mut problems = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let mut report = |message: String| problems.push(Problem::new(file, token.line, message));
        if !may_be_unsafe && token.word() == Some("unsafe") {
            report(format!("`unsafe` is only allowed in {}", UNSAFE_FOLDERS.join(", ")));
        }
        if !may_name_runtime && names_crate(tokens, at, "ort") {
            report(format!("only {} may know the crate `ort`", RUNTIME_FOLDERS.join(" and ")));
        }
        if !may_name_engine && names_feature(&tokens[at..], "engine") {
            report("the feature `engine` is named once, in core/src/lib.rs".into());
        }
    }
    problems
}

/// `ort::…`, `::ort::…`, `use ort`, `extern crate ort`; not `other::ort`.
fn names_crate(tokens: &[Token], at: usize, name: &str) -> bool {
    if tokens[at].word() != Some(name) {
        return false;
    }
    let before = |distance: usize| at.checked_sub(distance).and_then(|before| tokens.get(before));
    let is_path = before(1).is_some_and(Token::is_path);
    let owner = before(if is_path { 2 } else { 1 }).and_then(Token::word);
    match owner {
        Some("use" | "crate") => !(is_path && owner == Some("crate")),
        Some(_) if is_path => false,
        _ => tokens.get(at + 1).is_some_and(Token::is_path),
    }
}

/// `feature = "…"`, in an attribute or in `cfg!`.
fn names_feature(tokens: &[Token], name: &str) -> bool {
    let [word, equals, Token { kind: Kind::Text(text), .. }, ..] = tokens else { return false };
    word.word() == Some("feature") && equals.is('=') && text == name
}

/// Paths that exist on one machine only, in any text file.
pub fn machine_paths(file: &Path, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for folder in MACHINE_FOLDERS {
            if line.match_indices(folder).any(|(at, _)| starts_path(&line[..at])) {
                let message = format!("`{folder}` is a folder of somebody's machine");
                problems.push(Problem::new(file, index + 1, message));
            }
        }
    }
    problems
}

/// Whether a path may start after this text, so that a folder of the repository or an address is not meant.
fn starts_path(before: &str) -> bool {
    before.chars().next_back().is_none_or(|last| last.is_whitespace() || "\"'`([{<=:,;|>".contains(last))
}

#[cfg(test)]
mod tests {
    use super::super::tokens::read;
    use super::*;

    fn lines(file: &str, text: &str) -> Vec<usize> {
        tokens(Path::new(file), &read(text)).into_iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn long_files_and_files_without_a_job_are_found() {
        let file = Path::new("core/src/a.rs");
        assert_eq!(shape(file, "//! Job.\n"), []);
        assert_eq!(shape(file, "use a;\n").len(), 1);
        assert_eq!(shape(Path::new("core/tests/a.rs"), "use a;\n"), []);
        assert_eq!(shape(file, &format!("//! Job.\n{}", "\n".repeat(799))), []);
        assert_eq!(shape(file, &format!("//! Job.\n{}", "\n".repeat(800))).len(), 1);
    }

    #[test]
    fn unsafe_code_is_found_where_it_does_not_belong() {
        let text = "fn f() {\n    unsafe { g() }\n}";
        assert_eq!(lines("core/src/tensor/mod.rs", text), [2]);
        assert_eq!(lines("core/src/engine/runtime/mod.rs", text), [0; 0]);
        assert_eq!(lines("kernels/src/lib.rs", text), [0; 0]);
        assert_eq!(
            lines("cli/src/main.rs", "#![deny(unsafe_code)] // unsafe\nfn f() { \"unsafe\" }"),
            [0; 0]
        );
    }

    #[test]
    fn the_runtime_is_known_to_two_modules_only() {
        for text in [
            "use ort;",
            "use ort::Session;",
            "fn f(x: ort::Value) {}",
            "fn f(x: &::ort::Value) {}",
            "use ::ort::Value;",
            "extern crate ort;",
        ] {
            assert_eq!(lines("core/src/engine/session/mod.rs", text), [1], "{text}");
            assert_eq!(lines("core/src/engine/runtime/env.rs", text), [0; 0], "{text}");
            assert_eq!(lines(PLAIN_ORT, text), [0; 0], "{text}");
            assert_eq!(lines("bench/src/candidates/ortlet.rs", text), [1], "{text}");
        }
        for text in
            ["use crate::ort::X;", "let ort = 1;", "a.ort()", "// ort::x", "use a::ort::b;", "port::x"]
        {
            assert_eq!(lines("core/src/engine/session/mod.rs", text), [0; 0], "{text}");
        }
    }

    #[test]
    fn the_engine_feature_is_named_once() {
        for text in ["#[cfg(feature = \"engine\")] fn f() {}", "cfg!(not(feature = \"engine\"))"] {
            assert_eq!(lines("core/src/model/mod.rs", text), [1], "{text}");
            assert_eq!(lines("core/src/lib.rs", text), [0; 0], "{text}");
        }
        assert_eq!(
            lines("core/src/model/mod.rs", "#[cfg(feature = \"other\")] fn f() {} // feature = \"engine\""),
            [0; 0]
        );
    }

    #[test]
    fn machine_paths_are_found() {
        let file = Path::new("README.md");
        for folder in MACHINE_FOLDERS {
            assert_eq!(machine_paths(file, &format!("a\n`{folder}x`")).len(), 1, "{folder}");
            assert_eq!(machine_paths(file, &format!("docs{folder}x")), [], "{folder}");
        }
    }
}
