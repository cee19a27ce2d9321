//! `reports.ts`: an interface for each report, with the fields as JSON has them.

use super::text::{comment, key, list};
use super::{GENERATED, of_reports, types, words_in};
use crate::described;
use crate::docs::Docs;
use crate::model::{Body, Declaration, Field, Type};

/// The text of `reports.ts`.
pub fn reports(declarations: &[Declaration]) -> String {
    let declarations = of_reports(declarations);
    let docs = Docs::new(&declarations);
    let words = words_in(&declarations);
    let mut text = format!("/** Reports, with the fields as JSON has them. {GENERATED} */\n\n");
    text.push_str(&list("import type { ", &words, " } from \"./words.js\";"));
    text.push('\n');
    for one in &declarations {
        if let Body::Struct(fields) = &one.body {
            text.push_str(&format!("\n{}", comment(&docs.paragraphs(&one.doc), 0)));
            text.push_str(&format!("export interface {} {{\n", one.name));
            fields.iter().for_each(|field| text.push_str(&property(&docs, field)));
            text.push_str("}\n");
        }
    }
    text
}

fn property(docs: &Docs<'_>, field: &Field) -> String {
    let mark = if field.is_always_there { "" } else { "?" };
    let of = written(&field.of);
    format!("{}  readonly {}{mark}: {of};\n", comment(&described::field(docs, field), 2), key(&field.key))
}

fn written(of: &Type) -> String {
    types::write(of, &str::to_owned)
}
