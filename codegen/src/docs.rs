//! Documentation comments of Rust, made fit for other languages.

use crate::model::{Body, Declaration, Type};

/// Turns documentation of Rust into that of another language.
pub struct Docs<'a> {
    declarations: &'a [Declaration],
}

impl<'a> Docs<'a> {
    /// For documentation that links to these declarations.
    pub fn new(declarations: &'a [Declaration]) -> Self {
        Self { declarations }
    }

    /// The paragraphs of a comment, each on one line and without links, up to the first heading. What is said of JSON is
    /// left out: the types say it.
    pub fn paragraphs(&self, doc: &str) -> Vec<String> {
        let before_headings = doc.split("\n# ").next().unwrap_or_default();
        let paragraphs = before_headings.split("\n\n").filter(|text| !text.starts_with("In JSON"));
        let plain = paragraphs.map(|text| self.without_links(text));
        // Only list items keep their lines.
        plain.map(|text| text.trim().replace("\n- ", "\r- ").replace('\n', " ").replace('\r', "\n")).collect()
    }

    /// `[text](target)` and `` [`code`] `` become what they show.
    fn without_links(&self, text: &str) -> String {
        let (mut plain, mut rest) = (String::new(), text);
        while let Some((before, link)) = rest.split_once('[') {
            plain.push_str(before);
            let shown = link.split(']').next().unwrap_or_default();
            let after = &link[(shown.len() + 1).min(link.len())..];
            let target = after.strip_prefix('(').and_then(|target| target.split_once(')'));
            let code = shown.strip_prefix('`').and_then(|code| code.strip_suffix('`'));
            rest = match (target, code) {
                (Some((_, after)), None) => {
                    plain.push_str(shown);
                    after
                }
                (_, Some(code)) => {
                    plain.push_str(&format!("`{}`", self.item(code)));
                    target.map_or(after, |(_, after)| after)
                }
                (None, None) => {
                    plain.push('[');
                    link
                }
            };
        }
        plain + rest
    }

    /// What another language calls an item of Rust: the word of a variant, `Type.field`.
    fn item(&self, path: &str) -> String {
        let Some((owner, name)) = path.split_once("::") else { return path.to_owned() };
        let bare = |word: &str| word.replace(['-', '_'], "").to_lowercase();
        let words = self.declarations.iter().filter(|one| one.name == owner).flat_map(words);
        words.into_iter().find(|word| bare(word) == bare(name)).unwrap_or_else(|| format!("{owner}.{name}"))
    }
}

/// The words that a type is one of, or says what it is by.
fn words(declaration: &Declaration) -> Vec<String> {
    let types = match &declaration.body {
        Body::Choice(_) => declaration.types(),
        Body::Struct(fields) => fields.iter().map(|field| &field.of).take(1).collect(),
    };
    let parts = types.into_iter().flat_map(|of| match of {
        Type::Union(parts) => parts.as_slice(),
        part => std::slice::from_ref(part),
    });
    let words = parts.filter_map(|part| match part {
        Type::Constant(value) => value.as_str().map(str::to_owned),
        _ => None,
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Variant;

    #[test]
    fn links_become_what_they_show() {
        let word = Variant { doc: String::new(), of: Type::Constant("int8-static".into()) };
        let mode = Declaration { name: "Mode".into(), doc: String::new(), body: Body::Choice(vec![word]) };
        let declarations = [mode];
        let docs = Docs::new(&declarations);
        for (doc, plain) in [
            ("the [report](crate::Report) of\n[`tune`](crate::tune)", "the report of `tune`"),
            (
                "[`Mode::Int8Static`] and [`Options::dims`](x::y), `a::b`",
                "`int8-static` and `Options.dims`, `a::b`",
            ),
            ("within [0, 1]", "within [0, 1]"),
            ("an [open one", "an [open one"),
        ] {
            assert_eq!(docs.paragraphs(doc), [plain]);
        }
    }

    #[test]
    fn what_follows_a_heading_and_what_is_of_json_is_left_out() {
        let docs = Docs::new(&[]);
        let doc = "One.\nTwo.\n\nIn JSON `null`.\n\nThree:\n- four\n- five\n\n# Examples\nno";
        assert_eq!(docs.paragraphs(doc), ["One. Two.", "Three:\n- four\n- five"]);
    }
}
