//! `reports.py`: a class for each report; `words.py`: names for the words in them.

use std::collections::HashMap;

use super::text::{broken, docstring};
use super::types::Style;
use super::{GENERATED, KEYWORDS};
use crate::described;
use crate::docs::Docs;
use crate::model::{Body, Declaration, Field, Type, Variant};

/// What dicts and reports have themselves, which no field can be called.
const TAKEN: &[&str] = &[
    "clear",
    "copy",
    "fromkeys",
    "get",
    "items",
    "keys",
    "pop",
    "popitem",
    "setdefault",
    "to_dict",
    "update",
    "values",
];

const STYLE: Style<'_> = Style { list: "list", map: "dict", path: "str", name: &str::to_owned };

/// The text of `reports.py`.
///
/// # Panics
/// If a field cannot be an attribute, or is a map of reports.
pub fn reports(declarations: &[Declaration]) -> String {
    let writer = Writer::new(declarations);
    let mut text = format!("\"\"\"The classes of reports. {GENERATED}\"\"\"\n\n");
    text.push_str("from __future__ import annotations\n\nfrom ._report import Report as Report\n\n");
    text.push_str(
        "# Known to type checkers as true. `typing` itself would make the start of every program slower.\n",
    );
    text.push_str("TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from typing import Literal\n\n    from .words import (\n");
    choices(declarations).for_each(|(one, _)| text.push_str(&format!("        {},\n", one.name)));
    text.push_str("    )\n");
    for one in declarations {
        if let Body::Struct(fields) = &one.body {
            text.push_str(&writer.class(one, fields));
        }
    }
    text
}

/// The text of `words.py`.
pub fn words(declarations: &[Declaration]) -> String {
    let writer = Writer::new(declarations);
    let mut text = format!("\"\"\"The words of reports, for type checkers. {GENERATED}\"\"\"\n\n");
    text.push_str("from typing import Literal\n");
    choices(declarations).for_each(|(one, variants)| text.push_str(&writer.choice(one, variants)));
    text
}

fn choices(declarations: &[Declaration]) -> impl Iterator<Item = (&Declaration, &[Variant])> {
    declarations.iter().filter_map(|one| match &one.body {
        Body::Choice(variants) => Some((one, variants.as_slice())),
        Body::Struct(_) => None,
    })
}

struct Writer<'a> {
    docs: Docs<'a>,
    by_name: HashMap<&'a str, &'a Declaration>,
}

impl<'a> Writer<'a> {
    fn new(declarations: &'a [Declaration]) -> Self {
        let by_name = declarations.iter().map(|one| (one.name.as_str(), one)).collect();
        Self { docs: Docs::new(declarations), by_name }
    }

    fn choice(&self, one: &Declaration, variants: &[Variant]) -> String {
        let types: Vec<_> = variants.iter().map(|variant| variant.of.clone()).collect();
        let doc = docstring(&described::choice(&self.docs, one, variants, &|of| STYLE.shown(of)), 0);
        let line = broken(&format!("{} = {}", one.name, STYLE.write_all(&types)), 0);
        format!("\n{line}\n{doc}")
    }

    fn class(&self, one: &Declaration, fields: &[Field]) -> String {
        let mut text = format!("\n\nclass {}(Report):\n", one.name);
        text.push_str(&docstring(&self.docs.paragraphs(&one.doc), 4));
        let nested: Vec<_> = fields.iter().filter_map(|field| Some((field, self.class_of(field)?))).collect();
        let own = nested.iter().any(|(_, class)| *class == one.name);
        let entries = nested.iter().map(|(field, class)| format!("\"{}\": {class}", field.key));
        let nested = format!("{{{}}}", entries.collect::<Vec<_>>().join(", "));
        let mut settings = Vec::new();
        if nested != "{}" && !own {
            settings.push(format!("_nested = {nested}"));
        }
        let absent = fields.iter().filter(|field| !field.is_always_there);
        let absent = absent.map(|field| format!("\"{}\": {}", attribute(field), self.empty(&field.of)));
        settings.extend(table("_absent", absent));
        let renamed = fields.iter().filter(|field| attribute(field) != field.key);
        let renamed = renamed.map(|field| format!("\"{}\": \"{}\"", attribute(field), field.key));
        settings.extend(table("_renamed", renamed));
        if !settings.is_empty() {
            text.push('\n');
        }
        settings.iter().for_each(|line| text.push_str(&format!("{}\n", broken(line, 4))));
        for field in fields {
            let line = format!("{}: {}", attribute(field), self.type_of(field));
            text.push_str(&format!("\n{}\n", broken(&line, 4)));
            text.push_str(&docstring(&described::field(&self.docs, field), 4));
        }
        if own {
            text.push_str(&format!("\n\n{}._nested = {nested}\n", one.name));
        }
        text
    }

    /// The class of a field that is a report or a list of them.
    fn class_of(&self, field: &Field) -> Option<String> {
        match self.struct_in(&field.of) {
            Some((_, true)) => panic!("`{}` is a map of reports, which Report cannot convert yet", field.key),
            Some((name, false)) => Some(name),
            None => None,
        }
    }

    /// The struct in a type, and whether it is that of a map's values.
    fn struct_in(&self, of: &Type) -> Option<(String, bool)> {
        match of {
            Type::Named(name) if self.by_name[name.as_str()].is_struct() => Some((name.clone(), false)),
            Type::Named(name) => {
                self.by_name[name.as_str()].types().into_iter().find_map(|of| self.struct_in(of))
            }
            Type::List(of) => self.struct_in(of),
            Type::Map(of) => self.struct_in(of).map(|(name, _)| (name, true)),
            Type::Union(of) => of.iter().find_map(|of| self.struct_in(of)),
            _ => None,
        }
    }

    /// What a field stands for that is left out.
    fn empty(&self, of: &Type) -> &'static str {
        match of {
            Type::List(_) => "[]",
            Type::Map(_) => "{}",
            _ => "None",
        }
    }

    fn type_of(&self, field: &Field) -> String {
        if field.is_always_there || self.empty(&field.of) != "None" {
            return STYLE.write(&field.of);
        }
        STYLE.write_all(&[field.of.clone(), Type::Null])
    }
}

/// The attribute that a field is.
fn attribute(field: &Field) -> String {
    let name = field.key.replace(['.', '-'], "_");
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic());
    assert!(
        is_name && !TAKEN.contains(&name.as_str()) && !KEYWORDS.contains(&name.as_str()),
        "the field `{name}` of a report cannot be an attribute in Python",
    );
    name
}

fn table(name: &str, entries: impl Iterator<Item = String>) -> Option<String> {
    let entries: Vec<_> = entries.collect();
    (!entries.is_empty()).then(|| format!("{name} = {{{}}}", entries.join(", ")))
}
