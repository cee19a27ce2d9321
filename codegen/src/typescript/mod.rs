//! TypeScript: interfaces of reports and options, and the words in them.

mod options;
mod reports;
mod text;
mod types;
mod words;

use std::collections::BTreeSet;

use crate::model::{Declaration, Field, Type};

pub use options::options;
pub use reports::reports;
pub use words::words;

/// What a generated file ends its first line with, behind what it is.
const GENERATED: &str = "Generated from the Rust sources by `cargo xtask codegen`; do not edit.";

/// The reports that the web has; those in them come along.
const REPORTS: &[&str] = &[
    "AccuracyFigures",
    "MetricsReport",
    "ModelReport",
    "PrecisionReport",
    "QuantizeReport",
    "SessionReport",
];

/// The options that the web has, those in them included, and the fields that it has of them; none means all.
///
/// Written by hand beside them is what has no form in JSON, and what only the web has.
const OPTIONS: &[(&str, &[&str])] = &[
    ("Accuracy", &[]),
    ("CalibrateOptions", &["max_bytes"]),
    ("PrecisionOptions", &["time_limit_ms", "seed"]),
    ("QuantizeOptions", &[]),
    (
        "SessionOptions",
        &[
            "threads",
            "dims",
            "providers",
            "optimization_level",
            "config",
            "warm_up_runs",
            "concurrency_limit",
            "concurrency_wait_ms",
            "precision",
            "accuracy",
        ],
    ),
];

/// The declarations of reports that the web has, in the order in which they are given.
fn of_reports(declarations: &[Declaration]) -> Vec<Declaration> {
    reachable(declarations, REPORTS)
}

/// The same of options, without the fields that the web lacks.
fn of_options(declarations: &[Declaration]) -> Vec<Declaration> {
    let cut = declarations.iter().cloned().map(|mut one| {
        let row = OPTIONS.iter().find(|(name, _)| *name == one.name);
        if let (Some((_, kept)), Some(fields)) = (row.filter(|(_, kept)| !kept.is_empty()), one.fields_mut())
        {
            fields.retain(|field| kept.contains(&field.key.as_str()));
            assert_eq!(fields.len(), kept.len(), "a field of `{}` has another name now", one.name);
        }
        one
    });
    let roots: Vec<&str> = OPTIONS.iter().map(|(name, _)| *name).collect();
    reachable(&cut.collect::<Vec<_>>(), &roots)
}

/// The declarations of these names, and those that they refer to.
fn reachable(declarations: &[Declaration], roots: &[&str]) -> Vec<Declaration> {
    let (mut seen, mut pending) =
        (BTreeSet::new(), roots.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
    while let Some(name) = pending.pop() {
        let one = declarations.iter().find(|one| one.name == name);
        let one = one.unwrap_or_else(|| panic!("there is no schema of `{name}`"));
        if seen.insert(name) {
            pending.extend(one.types().into_iter().flat_map(Type::names));
        }
    }
    declarations.iter().filter(|one| seen.contains(&one.name)).cloned().collect()
}

/// The types of `words.ts` that fields of structs name.
fn words_in(declarations: &[Declaration]) -> Vec<String> {
    let fields = declarations.iter().filter(|one| one.is_struct()).flat_map(Declaration::types);
    let named: BTreeSet<String> = fields.flat_map(Type::names).collect();
    let is_struct = |name: &String| declarations.iter().any(|one| one.name == *name && one.is_struct());
    named.into_iter().filter(|name| !is_struct(name)).collect()
}

impl Declaration {
    fn fields_mut(&mut self) -> Option<&mut Vec<Field>> {
        match &mut self.body {
            crate::model::Body::Struct(fields) => Some(fields),
            crate::model::Body::Choice(_) => None,
        }
    }
}
