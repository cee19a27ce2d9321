//! `options.py`: a dict with declared keys for each struct of options.

use super::text::{broken, docstring, literal};
use super::types::Style;
use super::{GENERATED, KEYWORDS};
use crate::described;
use crate::docs::Docs;
use crate::model::{Body, Declaration, Field, Type, Variant};

/// Batches in memory, which have no form in JSON.
const SAMPLES: (&str, &str) = ("Samples", "Iterable[Mapping[str, Any]]");
/// Structs that `ortlet` has objects for, which are dicts.
const OBJECTS: [&str; 2] = ["Accuracy", "SessionOptions"];
const OBJECT: &str = "dict[str, Any]";

/// The text of `options.py`. Words that reports have too are those of `words.py`.
///
/// # Panics
/// If a field cannot be a keyword argument.
pub fn options(declarations: &[Declaration], reports: &[Declaration]) -> String {
    let name = |name: &str| {
        let is_struct = declarations.iter().any(|one| one.name == name && one.is_struct());
        match (is_struct, OBJECTS.contains(&name)) {
            (true, true) => format!("{} | {OBJECT}", dict_name(name)),
            (true, false) => dict_name(name),
            (false, _) => name.to_owned(),
        }
    };
    let style = Style { list: "Sequence", map: "Mapping", path: "str | os.PathLike[str]", name: &name };
    let writer = Writer { declarations, docs: Docs::new(declarations), style };
    let mut text = format!("\"\"\"What can be set, for type checkers. {GENERATED}\"\"\"\n\n");
    text.push_str("from __future__ import annotations\n\nimport os\n");
    text.push_str("from collections.abc import Iterable, Mapping, Sequence\n");
    text.push_str("from typing import Any, Literal, TypedDict\n");
    let (shared, own): (Vec<_>, Vec<_>) =
        declarations.iter().partition(|one| !one.is_struct() && reports.contains(one));
    let mut words: Vec<_> = shared.iter().map(|one| one.name.as_str()).collect();
    words.sort_unstable();
    text.push_str(&format!("\nfrom .words import {}\n", words.join(", ")));
    for one in own {
        text.push_str(&match &one.body {
            Body::Choice(variants) => writer.choice(one, variants),
            Body::Struct(fields) => writer.dict(one, fields),
        });
    }
    text
}

fn dict_name(name: &str) -> String {
    format!("{name}Dict")
}

struct Writer<'a> {
    declarations: &'a [Declaration],
    docs: Docs<'a>,
    style: Style<'a>,
}

impl Writer<'_> {
    fn choice(&self, one: &Declaration, variants: &[Variant]) -> String {
        let types: Vec<_> = variants.iter().map(|variant| variant.of.clone()).collect();
        let also = if one.name == SAMPLES.0 { format!(" | {}", SAMPLES.1) } else { String::new() };
        let doc = docstring(&described::choice(&self.docs, one, variants, &|of| self.style.shown(of)), 0);
        let line = broken(&format!("{} = {}{also}", one.name, self.style.write_all(&types)), 0);
        format!("\n\n{line}\n{doc}")
    }

    fn dict(&self, one: &Declaration, fields: &[Field]) -> String {
        let mut text = format!("\n\nclass {}(TypedDict, total=False):\n", dict_name(&one.name));
        text.push_str(&docstring(&self.docs.paragraphs(&one.doc), 4));
        for field in fields {
            let key = field.key.as_str();
            assert!(!KEYWORDS.contains(&key), "the option `{key}` cannot be an argument in Python");
            let line = broken(&format!("{key}: {}", self.style.write(&field.of)), 4);
            text.push_str(&format!("\n{line}\n{}", docstring(&self.described(field), 4)));
        }
        text
    }

    /// What a field is, and its default, unless its documentation tells it or it is that of options inside, which
    /// state their own.
    fn described(&self, field: &Field) -> Vec<String> {
        let mut paragraphs = described::field(&self.docs, field);
        for paragraph in &mut paragraphs {
            *paragraph = paragraph
                .replace("Default: true.", "Default: `True`.")
                .replace("Default: false.", "Default: `False`.");
        }
        let default = field.default.as_ref().filter(|_| !self.is_of_options(&field.of));
        if let (Some(default), Some(last)) = (default, paragraphs.last_mut())
            && !last.contains("Default: ")
        {
            last.push_str(&format!(" Default: `{}`.", literal(default)));
        }
        paragraphs
    }

    /// Whether a type is a struct whose fields have defaults.
    fn is_of_options(&self, of: &Type) -> bool {
        let Type::Named(name) = of else { return false };
        let named = self.declarations.iter().find(|one| one.name == *name);
        match named.map(|one| &one.body) {
            Some(Body::Struct(fields)) => fields.iter().all(|field| field.default.is_some()),
            _ => false,
        }
    }
}
