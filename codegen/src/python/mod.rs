//! Python: classes of reports, and dicts of options for type checkers.

mod options;
mod reports;
mod text;
mod types;

pub use options::options;
pub use reports::{reports, words};

/// What a generated file begins with, behind what it is.
const GENERATED: &str = "Generated from the Rust sources by `cargo xtask codegen`; do not edit.";

/// Words that are no names in Python.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];
