//! `options.py`: a dict with declared keys for each struct of options.

use super::text::{broken, docstring, literal};
use super::types::Style;
use super::{GENERATED, KEYWORDS, described};
use crate::docs::Docs;
use crate::model::{Body, Declaration, Field, Variant};

/// Defaults that are longer are those of options inside, which state their own.
const LONGEST_DEFAULT: usize = 60;

/// Batches in memory, which have no form in JSON.
const SAMPLES: (&str, &str) = ("Samples", "Iterable[Mapping[str, Any]]");
/// `ortlet.Accuracy` is a dict.
const ACCURACY: (&str, &str) = ("Accuracy", "dict[str, Any]");

/// The text of `options.py`.
///
/// # Panics
/// If a field cannot be a keyword argument.
pub fn options(declarations: &[Declaration]) -> String {
    let structs: Vec<_> = declarations.iter().filter(|one| one.is_struct()).map(|one| &*one.name).collect();
    let name = |name: &str| match name {
        _ if name == ACCURACY.0 => format!("{} | {}", dict_name(name), ACCURACY.1),
        _ if structs.contains(&name) => dict_name(name),
        _ => name.to_owned(),
    };
    let style = Style { list: "Sequence", map: "Mapping", path: "str | os.PathLike[str]", name: &name };
    let docs = Docs::new(declarations);
    let mut text = format!("\"\"\"What can be set, for type checkers. {GENERATED}\"\"\"\n\n");
    text.push_str("from __future__ import annotations\n\nimport os\n");
    text.push_str("from collections.abc import Iterable, Mapping, Sequence\n");
    text.push_str("from typing import Any, Literal, TypedDict\n");
    for one in declarations {
        text.push_str(&match &one.body {
            Body::Choice(variants) => choice(&docs, one, variants, &style),
            Body::Struct(fields) => dict(&docs, one, fields, &style),
        });
    }
    text
}

fn dict_name(name: &str) -> String {
    format!("{name}Dict")
}

fn choice(docs: &Docs<'_>, one: &Declaration, variants: &[Variant], style: &Style<'_>) -> String {
    let types: Vec<_> = variants.iter().map(|variant| variant.of.clone()).collect();
    let also = if one.name == SAMPLES.0 { format!(" | {}", SAMPLES.1) } else { String::new() };
    let doc = docstring(&described::choice(docs, one, variants, style), 0);
    let line = broken(&format!("{} = {}{also}", one.name, style.write_all(&types)), 0);
    format!("\n\n{line}\n{doc}")
}

fn dict(docs: &Docs<'_>, one: &Declaration, fields: &[Field], style: &Style<'_>) -> String {
    let mut text = format!("\n\nclass {}(TypedDict, total=False):\n", dict_name(&one.name));
    text.push_str(&docstring(&docs.paragraphs(&one.doc), 4));
    for field in fields {
        assert!(
            !KEYWORDS.contains(&&*field.key),
            "the option `{}` cannot be an argument in Python",
            field.key
        );
        text.push_str(&format!("\n    {}: {}\n", field.key, style.write(&field.of)));
        text.push_str(&docstring(&with_default(described::field(docs, field), field), 4));
    }
    text
}

/// The paragraphs, with the default where they do not tell it.
fn with_default(mut paragraphs: Vec<String>, field: &Field) -> Vec<String> {
    for paragraph in &mut paragraphs {
        *paragraph = paragraph
            .replace("Default: true.", "Default: `True`.")
            .replace("Default: false.", "Default: `False`.");
    }
    let default = field.default.as_ref().map(literal).filter(|default| default.len() <= LONGEST_DEFAULT);
    if let (Some(default), Some(last)) = (default, paragraphs.last_mut())
        && !last.contains("Default: ")
    {
        last.push_str(&format!(" Default: `{default}`."));
    }
    paragraphs
}
