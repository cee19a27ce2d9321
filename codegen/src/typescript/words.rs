//! `words.ts`: the words of reports and options, as types, and as lists where values are checked at run time.

use ortlet::ErrorCode;

use super::text::{comment, constant, list, union};
use super::{GENERATED, of_options, of_reports, types};
use crate::described;
use crate::docs::Docs;
use crate::model::{Body, Declaration, Type, Variant};

/// Words that come from the caller or from elsewhere, so that they are checked at run time.
const CHECKED: &[&str] = &["DType", "OptimizationLevel", "Precision", "QuantizeMode"];

/// What documentation of other languages says that is not so on the web.
const DOCS: &[(&str, &str)] = &[(
    "Threads",
    "Number of threads that compute one run. `auto` takes up to 4, half as many as there are processors; where memory \
     cannot be shared, it is always 1.",
)];

/// Words that there are not on the web: models run without Ortlet's own kernels there.
const ABSENT: &[(&str, &str)] = &[("Precision", "KernelPrecision")];

/// The text of `words.ts`.
pub fn words(options: &[Declaration], reports: &[Declaration]) -> String {
    let mut declarations = of_reports(reports);
    let others =
        of_options(options).into_iter().filter(|one| !reports.iter().any(|known| known.name == one.name));
    declarations.extend(others);
    let docs = Docs::new(&declarations);
    let mut text = format!("/** The words of reports and options. {GENERATED} */\n\n");
    text.push_str(&error_codes());
    for one in &declarations {
        if let Body::Choice(variants) = &one.body {
            let is_absent = |variant: &&Variant| {
                ABSENT
                    .iter()
                    .any(|(of, name)| *of == one.name && variant.of == Type::Named((*name).to_owned()))
            };
            let there: Vec<Variant> =
                variants.iter().filter(|variant| !is_absent(variant)).cloned().collect();
            text.push_str(&format!("\n{}", choice(&docs, one, &there)));
        }
    }
    text
}

fn choice(docs: &Docs<'_>, one: &Declaration, variants: &[Variant]) -> String {
    let shown = |of: &Type| types::write(of, &str::to_owned);
    let own = DOCS.iter().find(|(name, _)| *name == one.name).map(|(_, doc)| vec![(*doc).to_owned()]);
    let doc = comment(&own.unwrap_or_else(|| described::choice(docs, one, variants, &shown)), 0);
    if !CHECKED.contains(&one.name.as_str()) {
        let of: Vec<_> = variants.iter().map(|variant| variant.of.clone()).collect();
        return format!("{doc}{}\n", union(&one.name, &types::parts(&of, &str::to_owned)));
    }
    let items: Vec<String> = variants.iter().flat_map(|variant| items(&variant.of)).collect();
    let plural = plural(&one.name);
    format!(
        "{}{}\n\n{doc}export type {} = (typeof {plural})[number];\n",
        comment(&[format!("Every `{}`.", one.name)], 0),
        list(&format!("export const {plural} = ["), &items, "] as const;"),
        one.name,
    )
}

/// What stands for a type in a list of words.
fn items(of: &Type) -> Vec<String> {
    match of {
        Type::Named(name) => vec![format!("...{}", plural(name))],
        Type::Union(of) => of.iter().flat_map(items).collect(),
        of => vec![types::write(of, &str::to_owned)],
    }
}

fn plural(name: &str) -> String {
    constant(name) + "S"
}

fn error_codes() -> String {
    let codes: Vec<String> = ErrorCode::ALL.iter().map(|code| format!("\"{}\"", code.slug())).collect();
    format!(
        "/** Every `ErrorCode`, by its number, which counts from 1. */\n{}\n\n\
         /** What kind of error it is; the same words in every language. */\n\
         export type ErrorCode = (typeof ERROR_CODES)[number];\n",
        list("export const ERROR_CODES = [", &codes, "] as const;"),
    )
}
