//! Who may use whom inside core: upward only, so that a circle cannot be written.

use std::path::Path;

use super::Problem;
use super::tokens::Token;

/// A module and what it may name. `kernels` stands for the crate `ortlet_kernels`.
const LAYERS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("tensor", &["error"]),
    ("random", &[]),
    ("metrics", &["error", "tensor"]),
    ("model", &["error", "tensor"]),
    ("artifact", &["error", "tensor", "model"]),
    ("drift", &["error", "tensor", "metrics"]),
    ("bundle", &["error"]),
    ("quantize", &["error", "random", "tensor", "model"]),
    ("lower", &["error", "tensor", "model", "quantize", "kernels"]),
    ("engine::observer", &[]),
    ("engine::ops", &["kernels"]),
    ("engine::runtime", &["error", "tensor", "quantize", "engine::ops"]),
    (
        "engine::compile",
        &["error", "model", "artifact", "quantize", "lower", "engine::ops", "engine::runtime"],
    ),
    (
        "engine::session",
        &[
            "error",
            "tensor",
            "metrics",
            "model",
            "artifact",
            "quantize",
            "drift",
            "engine::runtime",
            "engine::compile",
        ],
    ),
    (
        "engine::calibrate",
        &["error", "tensor", "model", "quantize", "engine::observer", "engine::runtime", "engine::session"],
    ),
    (
        "engine::race",
        &["error", "random", "tensor", "metrics", "engine::runtime", "engine::compile", "engine::session"],
    ),
    (
        "engine::tune",
        &[
            "error",
            "tensor",
            "metrics",
            "model",
            "engine::observer",
            "engine::runtime",
            "engine::compile",
            "engine::session",
            "engine::race",
        ],
    ),
    (
        "engine::precision",
        &[
            "error",
            "random",
            "tensor",
            "metrics",
            "model",
            "artifact",
            "quantize",
            "lower",
            "engine::observer",
            "engine::runtime",
            "engine::compile",
            "engine::session",
            "engine::calibrate",
            "engine::race",
        ],
    ),
];

/// Modules that put the others together and may name anything: `lib.rs`, `engine/mod.rs`, `engine/files.rs`, `schema.rs`.
const FREE: &[&str] = &["", "engine", "engine::files", "schema"];

/// What the crate's root re-exports for everybody, all of it from `error`.
const ROOT_ITEMS: &[&str] = &["Error", "ErrorCode", "ErrorKind", "Result"];

const TABLE: &str = "the table in xtask/src/tidy/layers.rs";

/// The path of the module that a file of core holds; for other crates their folders, which match no row.
pub fn module_of(file: &Path) -> Vec<String> {
    let below = file.strip_prefix("core/src").unwrap_or(file).with_extension("");
    let mut path: Vec<String> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let is_folder_file = path.last().is_some_and(|last| last == "mod" || path.len() == 1 && last == "lib");
    path.truncate(path.len() - usize::from(is_folder_file));
    path
}

/// The module that `mod name;` in the file declares.
pub fn child_module(file: &Path, name: &str) -> Vec<String> {
    let mut path = module_of(file);
    path.push(name.to_owned());
    path
}

/// Checks one file, whose unit tests have been cut out.
pub fn check(file: &Path, tokens: &[Token]) -> Vec<Problem> {
    if !file.starts_with("core/src") {
        return Vec::new();
    }
    let module = module_of(file);
    let own = row(&module);
    if FREE.contains(&own.as_str()) {
        return Vec::new();
    }
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == own) else {
        return vec![Problem::new(file, 1, format!("module `{own}` has no row in {TABLE}"))];
    };
    let judge = |(line, target): (usize, String)| {
        if target == own || allowed.contains(&target.as_str()) {
            return None;
        }
        let known = target == "kernels" || LAYERS.iter().any(|(name, _)| *name == target);
        let message = if known {
            format!("`{own}` may not use `{target}`; see {TABLE}")
        } else {
            format!(
                "`{own}` names `{target}`, which is no module in {TABLE}; name the module that defines the item"
            )
        };
        Some(Problem::new(file, line, message))
    };
    let mut problems: Vec<_> = references(&module, tokens).into_iter().filter_map(judge).collect();
    problems.dedup();
    problems
}

/// The row of the table that a path belongs to: one word, or two inside the engine.
fn row(path: &[String]) -> String {
    match path {
        [] => String::new(),
        [first] if ROOT_ITEMS.contains(&first.as_str()) => "error".into(),
        [first, second, ..] if first == "engine" => {
            let name = format!("engine::{second}");
            let known = FREE.contains(&name.as_str()) || LAYERS.iter().any(|(row, _)| *row == name);
            // Anything else is an item that `engine` re-exports, or all of them.
            if known || second.chars().all(|c| c.is_lowercase() || c == '_') { name } else { first.clone() }
        }
        [first, ..] => first.clone(),
    }
}

/// Every row that the code names, with the line.
fn references(module: &[String], tokens: &[Token]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let (mut inline, mut depth) = (Vec::new(), 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        if token.is('{') {
            depth += 1;
            if let Some(name) = inline_module(tokens, at) {
                inline.push((depth, name.to_owned()));
            }
        } else if token.is('}') {
            inline.retain(|(opened, _)| *opened < depth);
            depth = depth.saturating_sub(1);
        }
        if !starts_path(tokens, at) {
            continue;
        }
        let here: Vec<_> = module.iter().chain(inline.iter().map(|(_, name)| name)).cloned().collect();
        let mut paths = Vec::new();
        read_tree(tokens, at, &mut Vec::new(), &mut paths);
        found.extend(paths.into_iter().filter_map(|path| Some((path.0, row(&resolve(&here, &path.1)?)))));
    }
    found
}

/// The name of the module whose body opens here.
fn inline_module(tokens: &[Token], open: usize) -> Option<&str> {
    let is_module = tokens.get(open.checked_sub(2)?)?.word() == Some("mod");
    tokens[open - 1].word().filter(|_| is_module)
}

fn starts_path(tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    // `pub(in crate::engine)` narrows, it does not use.
    let continues = before.is_some_and(|token| token.is_path() || token.word() == Some("in"));
    let leads_on = tokens.get(at + 1).is_some_and(Token::is_path);
    match tokens[at].word() {
        Some("crate" | "self" | "super") => leads_on && !continues,
        Some("ortlet_kernels") => !before.is_some_and(|token| token.is_path() && is_member(tokens, at - 1)),
        _ => false,
    }
}

/// Whether the `::` here continues a path, rather than starting a global one.
fn is_member(tokens: &[Token], path: usize) -> bool {
    path.checked_sub(1).is_some_and(|before| tokens[before].word().is_some_and(|word| word != "use"))
}

/// Collects the paths of a `use` tree or of a plain path; returns where it ends.
fn read_tree(
    tokens: &[Token],
    mut at: usize,
    prefix: &mut Vec<String>,
    paths: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let (start, line) = (prefix.len(), tokens.get(at).map_or(0, |token| token.line));
    while let Some(token) = tokens.get(at) {
        if token.is('{') {
            at = read_group(tokens, at + 1, prefix, paths);
            prefix.truncate(start);
            return at;
        }
        if let Some(word) = token.word() {
            prefix.push(word.to_owned());
        } else {
            if token.is('*') {
                prefix.push("*".into());
            }
            break;
        }
        at += 1;
        if !tokens.get(at).is_some_and(Token::is_path) {
            break;
        }
        at += 1;
    }
    paths.push((line, prefix.clone()));
    prefix.truncate(start);
    at
}

fn read_group(
    tokens: &[Token],
    mut at: usize,
    prefix: &mut Vec<String>,
    paths: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    while at < tokens.len() && !tokens[at].is('}') {
        at = read_tree(tokens, at, prefix, paths);
        // Over `as name` and the `*` to the next member.
        while at < tokens.len() && !tokens[at].is('}') && !tokens[at].is(',') {
            at += 1;
        }
        at += usize::from(tokens.get(at).is_some_and(|token| token.is(',')));
    }
    at + 1
}

/// The path from the crate's root.
fn resolve(here: &[String], path: &[String]) -> Option<Vec<String>> {
    let mut full = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "ortlet_kernels" => return Some(vec!["kernels".into()]),
        _ => here.to_vec(),
    };
    for part in path {
        match part.as_str() {
            "crate" | "self" => {}
            "super" => {
                full.pop();
            }
            name => full.push(name.to_owned()),
        }
    }
    Some(full)
}

#[cfg(test)]
mod tests {
    use super::super::tokens::{read, without_tests};
    use super::*;

    fn problems(file: &str, text: &str) -> Vec<String> {
        let found = check(Path::new(file), &without_tests(&read(text)).0);
        found.into_iter().map(|problem| format!("{}: {}", problem.line, problem.message)).collect()
    }

    fn fails(file: &str, text: &str, words: &str) {
        let found = problems(file, text);
        assert!(found.len() == 1 && found[0].contains(words), "{text}: {found:?}");
    }

    fn passes(file: &str, text: &str) {
        assert_eq!(problems(file, text), [""; 0], "{text}");
    }

    #[test]
    fn upward_is_allowed() {
        passes(
            "core/src/tensor/shape.rs",
            "use crate::{Error, Result, error::ErrorKind}; use super::dtype::DType;",
        );
        passes(
            "core/src/quantize/mod.rs",
            "use crate::model::{Graph, edit::{self, Rename as R}}; use crate::tensor::*;",
        );
        passes("core/src/engine/session/run.rs", "use super::super::runtime::Env;");
        passes("core/src/engine/files.rs", "use crate::engine::tune::Tuner;");
        passes("core/src/lib.rs", "pub use crate::engine::session::Session;");
        passes("core/src/lower/pack.rs", "use ortlet_kernels::gemm; use ::ortlet_kernels::norm;");
        passes("core/src/error.rs", "use super::error::Error; pub(in crate::engine) fn f() { self::list() }");
        passes("ffi/src/lib.rs", "use crate::anything;");
    }

    #[test]
    fn downward_and_sideways_are_not() {
        fails("core/src/tensor/mod.rs", "use crate::model::Graph;", "1: `tensor` may not use `model`");
        fails(
            "core/src/tensor/mod.rs",
            "\nfn f() { super::model::read() }",
            "2: `tensor` may not use `model`",
        );
        fails("core/src/tensor/a/b.rs", "use super::super::super::drift;", "`tensor` may not use `drift`");
        fails("core/src/error.rs", "use crate::{tensor::DType};", "`error` may not use `tensor`");
        fails(
            "core/src/metrics.rs",
            "use crate::{\n  error,\n  bundle::{a, b},\n};",
            "3: `metrics` may not use `bundle`",
        );
        fails("core/src/engine/runtime/mod.rs", "use super::session::X;", "may not use `engine::session`");
        fails(
            "core/src/engine/session/mod.rs",
            "use crate::engine::{runtime, tune::T};",
            "may not use `engine::tune`",
        );
        fails(
            "core/src/model/mod.rs",
            "macro_rules! m { () => { $crate::lower::f() } }",
            "may not use `lower`",
        );
        fails("core/src/model/mod.rs", "use ortlet_kernels::gemm;", "`model` may not use `kernels`");
        fails("core/src/model/mod.rs", "mod a { use super::super::lower; }", "`model` may not use `lower`");
    }

    #[test]
    fn ways_around_the_table_are_closed() {
        fails("core/src/model/mod.rs", "use crate::Session;", "`Session`, which is no module");
        fails("core/src/model/mod.rs", "use crate::*;", "`*`, which is no module");
        fails("core/src/engine/compile/mod.rs", "use super::*;", "`engine`, which is no module");
        fails(
            "core/src/engine/compile/mod.rs",
            "use crate::engine::Session;",
            "`engine`, which is no module",
        );
        fails("core/src/novel.rs", "", "module `novel` has no row");
        fails("core/src/engine/novel.rs", "", "module `engine::novel` has no row");
    }

    #[test]
    fn comments_strings_and_unit_tests_are_exempt() {
        passes(
            "core/src/tensor/mod.rs",
            "/// [`crate::model::Graph`]\n// use crate::model;\nfn f() { \"crate::model::x\" }",
        );
        passes("core/src/tensor/mod.rs", "#[cfg(test)] mod tests { use crate::model::Graph; }");
    }

    #[test]
    fn the_table_has_no_circle() {
        for (index, (name, uses)) in LAYERS.iter().enumerate() {
            for used in uses.iter().filter(|used| **used != "kernels") {
                assert!(
                    LAYERS[..index].iter().any(|(above, _)| above == used),
                    "{name} uses {used} further down"
                );
            }
        }
    }
}
