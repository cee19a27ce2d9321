//! Types as Python writes them.

use serde_json::Value;

use super::text::literal;
use crate::model::Type;

/// What differs between what is given and what is got.
pub struct Style<'a> {
    /// What a list is.
    pub list: &'a str,
    /// What an object with any keys is.
    pub map: &'a str,
    /// What a path is.
    pub path: &'a str,
    /// What a type with a name is called.
    pub name: &'a dyn Fn(&str) -> String,
}

impl Style<'_> {
    /// The type in words of Python.
    pub fn write(&self, of: &Type) -> String {
        self.write_all(std::slice::from_ref(of))
    }

    /// The type as documentation names it: constants by themselves.
    pub fn shown(&self, of: &Type) -> String {
        constant(of).map_or_else(|| self.write(of), literal)
    }

    /// One of these types: words together, nothing last.
    pub fn write_all(&self, of: &[Type]) -> String {
        let mut parts = Vec::new();
        flatten(of, &mut parts);
        let constants: Vec<_> = parts.iter().filter_map(|part| constant(part)).collect();
        let mut written: Vec<String> = Vec::new();
        if constants.contains(&&Value::Bool(true)) && constants.contains(&&Value::Bool(false)) {
            written.push("bool".into());
        }
        let words: Vec<_> = constants.into_iter().filter(|value| value.is_string()).map(literal).collect();
        if !words.is_empty() {
            written.push(format!("Literal[{}]", words.join(", ")));
        }
        written.extend(parts.iter().filter(|part| **part != Type::Null).filter_map(|part| self.plain(part)));
        if parts.contains(&Type::Null) {
            written.push("None".into());
        }
        written.dedup();
        written.join(" | ")
    }

    fn plain(&self, of: &Type) -> Option<String> {
        Some(match of {
            Type::Bool => "bool".into(),
            Type::Integer => "int".into(),
            Type::Number => "float".into(),
            Type::Text => "str".into(),
            Type::Path => self.path.into(),
            Type::List(of) => format!("{}[{}]", self.list, self.write(of)),
            Type::Map(of) => format!("{}[str, {}]", self.map, self.write(of)),
            Type::Named(name) => (self.name)(name),
            Type::Null | Type::Constant(_) | Type::Union(_) => return None,
        })
    }
}

fn flatten(of: &[Type], parts: &mut Vec<Type>) {
    for one in of {
        match one {
            Type::Union(of) => flatten(of, parts),
            plain => parts.push(plain.clone()),
        }
    }
}

fn constant(of: &Type) -> Option<&Value> {
    match of {
        Type::Constant(value) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_together_and_nothing_comes_last() {
        let style = Style { list: "list", map: "dict", path: "str", name: &str::to_owned };
        let word = |text: &str| Type::Constant(text.into());
        let of =
            [word("a"), Type::Null, word("b"), Type::Union(vec![Type::Integer, Type::Named("X".into())])];
        assert_eq!(style.write_all(&of), r#"Literal["a", "b"] | int | X | None"#);
        let flags = [Type::Constant(true.into()), Type::Constant(false.into()), Type::Path];
        assert_eq!(style.write_all(&flags), "bool | str");
        assert_eq!(
            style.write(&Type::Map(Box::new(Type::List(Box::new(Type::Number))))),
            "dict[str, list[float]]"
        );
    }
}
