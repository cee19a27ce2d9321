//! Types as TypeScript writes them.

use serde_json::Value;

use crate::model::Type;

/// The type in words of TypeScript; `name` says what a type with a name is called.
pub fn write(of: &Type, name: &dyn Fn(&str) -> String) -> String {
    parts(std::slice::from_ref(of), name).join(" | ")
}

/// The types that a value may be of, nothing last.
pub fn parts(of: &[Type], name: &dyn Fn(&str) -> String) -> Vec<String> {
    let mut all = Vec::new();
    of.iter().for_each(|one| flatten(one, &mut all));
    let is_there = |value: bool| all.contains(&&Type::Constant(value.into()));
    let has_both = is_there(true) && is_there(false);
    let mut written: Vec<String> = Vec::new();
    for one in all.iter().filter(|one| ***one != Type::Null) {
        let text = match one {
            Type::Constant(Value::Bool(_)) if has_both => "boolean".to_owned(),
            one => plain(one, name),
        };
        if !written.contains(&text) {
            written.push(text);
        }
    }
    if all.contains(&&Type::Null) {
        written.push("null".into());
    }
    written
}

fn plain(of: &Type, name: &dyn Fn(&str) -> String) -> String {
    match of {
        Type::Bool => "boolean".into(),
        Type::Integer | Type::Number => "number".into(),
        Type::Text | Type::Path => "string".into(),
        Type::Constant(value) => value.to_string(),
        Type::List(of) => match write(of, name) {
            several if several.contains(" | ") => format!("readonly ({several})[]"),
            one => format!("readonly {one}[]"),
        },
        Type::Map(of) => format!("Readonly<Record<string, {}>>", write(of, name)),
        Type::Named(named) => name(named),
        Type::Null | Type::Union(_) => unreachable!("unions are flat, and nothing is written last"),
    }
}

fn flatten<'a>(of: &'a Type, all: &mut Vec<&'a Type>) {
    match of {
        Type::Union(of) => of.iter().for_each(|one| flatten(one, all)),
        plain => all.push(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_last_and_lists_of_several_have_parentheses() {
        let word = |text: &str| Type::Constant(text.into());
        let of = Type::Union(vec![
            word("a"),
            Type::Null,
            Type::Integer,
            Type::Union(vec![Type::Number, word("b")]),
        ]);
        let own = |name: &str| format!("Own{name}");
        assert_eq!(write(&of, &own), r#""a" | number | "b" | null"#);
        let named = Type::Named("X".into());
        assert_eq!(write(&Type::List(Box::new(named.clone())), &own), "readonly OwnX[]");
        let map = Type::Map(Box::new(Type::List(Box::new(Type::Union(vec![named, Type::Text])))));
        assert_eq!(write(&map, &own), "Readonly<Record<string, readonly (OwnX | string)[]>>");
        let flags = Type::Union(vec![Type::Constant(true.into()), Type::Constant(false.into()), Type::Path]);
        assert_eq!(write(&flags, &own), "boolean | string");
    }
}
