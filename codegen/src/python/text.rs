//! Texts of Python: docstrings and literals.

use serde_json::Value;

use crate::wrap::lines_of;

/// Lines are no longer than this where they can be broken.
const WIDTH: usize = 110;

/// A docstring of these paragraphs, indented by so many blanks; nothing if there are none.
pub fn docstring(paragraphs: &[String], indent: usize) -> String {
    let space = " ".repeat(indent);
    let mut lines = lines_of(paragraphs, WIDTH - indent, "\"\"\"", escaped);
    let Some(last) = lines.last_mut() else { return String::new() };
    // A quotation mark before the closing ones would be taken for one of them.
    if last.ends_with('"') {
        last.insert(last.len() - 1, '\\');
    }
    if lines.len() == 1 && lines[0].chars().count() + 3 <= WIDTH - indent {
        lines[0].push_str("\"\"\"");
    } else {
        lines.push("\"\"\"".into());
    }
    let indented = lines.iter().map(|line| match line.is_empty() {
        true => "\n".to_owned(),
        false => format!("{space}{line}\n"),
    });
    indented.collect()
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace("\"\"\"", "\\\"\\\"\\\"")
}

/// A statement, indented by so many blanks, broken behind the commas of its last bracket if it is too long.
pub fn broken(statement: &str, indent: usize) -> String {
    let space = " ".repeat(indent);
    let too_long = statement.chars().count() > WIDTH - indent;
    let Some((start, items)) = last_bracket(statement).filter(|_| too_long) else {
        return format!("{space}{statement}");
    };
    let items = items.iter().map(|item| format!("{space}    {item},\n"));
    let end = &statement[statement.len() - 1..];
    format!("{space}{start}\n{}{space}{end}", items.collect::<String>())
}

/// What comes up to the bracket that a statement ends with, and what is inside of that, by its commas.
fn last_bracket(statement: &str) -> Option<(&str, Vec<&str>)> {
    let (mut depth, mut items, mut end) = (0_usize, Vec::new(), statement.len().checked_sub(1)?);
    for (at, character) in statement.char_indices().rev() {
        match character {
            ']' | '}' => depth += 1,
            '[' | '{' => depth = depth.checked_sub(1)?,
            ',' if depth == 1 => {
                items.push(statement[at + 1..end].trim());
                end = at;
            }
            _ => {}
        }
        if depth == 0 {
            // The last character is no bracket, or this is where its bracket opens.
            items.push(statement.get(at + 1..end)?);
            items.reverse();
            return Some((&statement[..=at], items));
        }
    }
    None
}

/// A value of JSON as Python writes it.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Array(items) => format!("[{}]", joined(items.iter().map(literal))),
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| {
                format!("{}: {}", Value::from(key.as_str()), literal(value))
            };
            format!("{{{}}}", joined(entries.iter().map(entry)))
        }
        other => other.to_string(),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docstrings_are_wrapped_and_closed() {
        assert_eq!(docstring(&["One.".into()], 4), "    \"\"\"One.\"\"\"\n");
        assert_eq!(docstring(&[], 4), "");
        assert_eq!(docstring(&["Is \"x\"".into()], 0), "\"\"\"Is \"x\\\"\"\"\"\n");
        let long = docstring(&["word ".repeat(40).trim().into(), "- b\n- c".into()], 4);
        assert!(long.lines().all(|line| line.len() <= WIDTH), "{long}");
        assert!(long.ends_with("word\n\n    - b\n    - c\n    \"\"\"\n"), "{long}");
    }

    #[test]
    fn long_statements_are_broken() {
        assert_eq!(broken("x = {1: 2}", 4), "    x = {1: 2}");
        let long = format!("x = {{{}}}", vec!["1"; 40].join(", "));
        let expected = format!("  x = {{\n{}  }}", "      1,\n".repeat(40));
        assert_eq!(broken(&long, 2), expected);
        let nested = format!("x: {}[[1, 2], 3]", "y".repeat(WIDTH));
        assert!(broken(&nested, 0).ends_with("y[\n    [1, 2],\n    3,\n]"));
        let plain = "x".repeat(WIDTH + 1);
        assert_eq!(broken(&plain, 0), plain);
    }

    #[test]
    fn literals_are_those_of_python() {
        let value = serde_json::json!({ "a": [null, true, 1, 0.5], "b": "c\"d" });
        assert_eq!(literal(&value), r#"{"a": [None, True, 1, 0.5], "b": "c\"d"}"#);
    }
}
