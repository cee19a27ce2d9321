//! Documentation of fields and choices, as paragraphs.

use serde_json::Value;

use crate::docs::Docs;
use crate::model::{Declaration, Field, Type, Variant};

/// Parts of names, and the units that they stand for.
const UNITS: &[(&str, &str)] = &[
    ("ns", "nanoseconds"),
    ("us", "microseconds"),
    ("ms", "milliseconds"),
    ("s", "seconds"),
    ("bytes", "bytes"),
];

/// What a choice is, and what each of its variants means.
/// `shown` is how the language writes a variant.
pub fn choice(
    docs: &Docs<'_>,
    one: &Declaration,
    variants: &[Variant],
    shown: &dyn Fn(&Type) -> String,
) -> Vec<String> {
    let mut paragraphs = docs.paragraphs(&one.doc);
    let described = variants.iter().filter(|variant| !variant.doc.is_empty());
    let items = described.map(|variant| item(&shown(&variant.of), &docs.paragraphs(&variant.doc)));
    paragraphs.push(items.collect::<Vec<_>>().join("\n"));
    paragraphs
}

/// What a field is, and with which variants of its struct it is there.
pub fn field(docs: &Docs<'_>, field: &Field) -> Vec<String> {
    let quoted = |word: &str| format!("`{}`", Value::from(word));
    if field.only_where.iter().any(|(_, doc)| *doc != field.doc) {
        let each = field.only_where.iter();
        let each =
            each.map(|(word, doc)| format!("With {}: {}", quoted(word), docs.paragraphs(doc).join(" ")));
        return vec![each.collect::<Vec<_>>().join(" ")];
    }
    let mut paragraphs = docs.paragraphs(&field.doc);
    if let Some(last) = paragraphs.last_mut() {
        if let Some(unit) = unit(&field.key, &field.doc) {
            last.push_str(&format!(" In {unit}."));
        }
        if !field.only_where.is_empty() {
            let words: Vec<_> = field.only_where.iter().map(|(word, _)| quoted(word)).collect();
            last.push_str(&format!(" Only with {}.", words.join(" and ")));
        }
    }
    paragraphs
}

/// The unit of a field by its name, unless the documentation tells it.
fn unit(key: &str, doc: &str) -> Option<&'static str> {
    let (_, unit) = UNITS.iter().find(|(part, _)| key.split('_').any(|word| word == *part))?;
    let is_told = doc.to_lowercase().contains(unit.trim_end_matches('s'));
    (!is_told).then_some(unit)
}

fn item(name: &str, paragraphs: &[String]) -> String {
    format!("- `{name}`: {}", paragraphs.join(" "))
}
