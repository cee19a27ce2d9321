//! `options.ts`: an interface for each struct of options, and what Rust calls its fields.

use super::text::{camel, comment, constant, list};
use super::{GENERATED, OPTIONS, of_options, types, words_in};
use crate::described;
use crate::docs::Docs;
use crate::model::{Body, Declaration, Field, Type};

/// What documentation of other languages says that is not so on the web.
const DOCS: &[(&str, &str)] = &[
    ("CalibrateOptions", "How a model is calibrated."),
    ("PrecisionOptions", "How a precision is chosen."),
    ("SessionOptions", "How a session is created. Every option has a default."),
];

/// The text of `options.ts`.
pub fn options(declarations: &[Declaration]) -> String {
    let declarations = of_options(declarations);
    let writer = Writer { docs: Docs::new(&declarations), declarations: &declarations };
    let words = words_in(&declarations);
    let mut text = format!("/** What can be set. {GENERATED} */\n\n");
    text.push_str(&list("import type { ", &words, " } from \"./words.js\";"));
    text.push_str(
        "\n\n/** What Rust calls options: a name, or for options inside of an option its name and theirs. */\n\
         export interface OptionNames {\n  \
         readonly [option: string]: string | readonly [string, OptionNames];\n}\n",
    );
    for one in &declarations {
        if let Body::Struct(fields) = &one.body {
            text.push_str(&writer.interface(one, fields));
            text.push_str(&writer.names(one, fields));
        }
    }
    text
}

/// What an interface is called: those of options say so.
fn name(rust: &str) -> String {
    let is_root = OPTIONS.iter().any(|(root, _)| *root == rust);
    if is_root && !rust.ends_with("Options") { format!("{rust}Options") } else { rust.to_owned() }
}

struct Writer<'a> {
    docs: Docs<'a>,
    declarations: &'a [Declaration],
}

impl Writer<'_> {
    fn interface(&self, one: &Declaration, fields: &[Field]) -> String {
        let doc = DOCS.iter().find(|(name, _)| *name == one.name).map_or(one.doc.as_str(), |(_, doc)| doc);
        let mut text = format!("\n{}", comment(&self.renamed(self.docs.paragraphs(doc)), 0));
        text.push_str(&format!("export interface {} {{\n", name(&one.name)));
        for field in fields {
            let of = types::write(&field.of, &name);
            let (mark, also) = if field.is_always_there { ("", "") } else { ("?", " | undefined") };
            text.push_str(&comment(&self.described(field), 2));
            text.push_str(&format!("  readonly {}{mark}: {of}{also};\n", camel(&field.key)));
        }
        text + "}\n"
    }

    fn names(&self, one: &Declaration, fields: &[Field]) -> String {
        let entries: Vec<String> = fields.iter().map(|field| self.entry(field)).collect();
        let start = format!("export const {} = {{ ", constant(&name(&one.name)));
        let doc = comment(&[format!("What Rust calls the fields of `{}`.", name(&one.name))], 0);
        format!("\n{doc}{}\n", list(&start, &entries, " } as const satisfies OptionNames;"))
    }

    fn entry(&self, field: &Field) -> String {
        let (own, rust) = (camel(&field.key), &field.key);
        match self.inside(&field.of) {
            Some(inside) => format!("{own}: [\"{rust}\", {}]", constant(&name(&inside.name))),
            None => format!("{own}: \"{rust}\""),
        }
    }

    /// The struct that a field is.
    fn inside(&self, of: &Type) -> Option<&Declaration> {
        let Type::Named(name) = of else { return None };
        self.declarations.iter().find(|one| one.name == *name && one.is_struct())
    }

    /// What a field is, and its default, unless its documentation tells it or it is that of options inside.
    fn described(&self, field: &Field) -> Vec<String> {
        let mut paragraphs = self.renamed(described::field(&self.docs, field));
        let has_own = self.inside(&field.of).is_some_and(
            |one| matches!(&one.body, Body::Struct(fields) if fields.iter().all(|field| field.default.is_some())),
        );
        let default = field.default.as_ref().filter(|_| !has_own);
        if let (Some(default), Some(last)) = (default, paragraphs.last_mut())
            && !last.contains("Default: ")
        {
            last.push_str(&format!(" Default: `{default}`."));
        }
        paragraphs
    }

    /// Fields that paragraphs name, as they are called here.
    fn renamed(&self, paragraphs: Vec<String>) -> Vec<String> {
        let fields = self.declarations.iter().flat_map(|one| match &one.body {
            Body::Struct(fields) => fields.as_slice(),
            Body::Choice(_) => &[],
        });
        let names: Vec<_> =
            fields.map(|field| (format!("`{}`", field.key), format!("`{}`", camel(&field.key)))).collect();
        let rename = |text: String| names.iter().fold(text, |text, (rust, own)| text.replace(rust, own));
        paragraphs.into_iter().map(rename).collect()
    }
}
