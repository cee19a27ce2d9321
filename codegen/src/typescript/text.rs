//! Texts of TypeScript: comments, names, statements that fit into lines.

use crate::wrap::lines_of;

/// Lines are no longer than this where they can be broken.
const WIDTH: usize = 120;

/// A documentation comment of these paragraphs, indented by so many blanks; nothing if there are none.
pub fn comment(paragraphs: &[String], indent: usize) -> String {
    let space = " ".repeat(indent);
    let lines = lines_of(paragraphs, WIDTH - indent - " * ".len(), "", escaped);
    match lines.as_slice() {
        [] => String::new(),
        [only] if only.chars().count() + indent + "/**  */".len() <= WIDTH => {
            format!("{space}/** {only} */\n")
        }
        lines => {
            let lines = lines.iter().map(|line| format!("{space} * {line}").trim_end().to_owned() + "\n");
            format!("{space}/**\n{}{space} */\n", lines.collect::<String>())
        }
    }
}

/// Nothing in a comment may end it, and what Rust calls `None` is `null` here.
fn escaped(text: &str) -> String {
    text.replace("*/", "*\\/").replace("`None`", "`null`")
}

/// `start` and items with `separator` between, and `end`: in one line, or each item in a line of its own.
pub fn list(start: &str, items: &[String], end: &str) -> String {
    let one_line = format!("{start}{}{end}", items.join(", "));
    if one_line.chars().count() <= WIDTH {
        return one_line;
    }
    let items: String = items.iter().map(|item| format!("  {item},\n")).collect();
    format!("{}\n{items}{}", start.trim_end(), end.trim_start())
}

/// A type with a name, one of these: in one line, or each in a line of its own.
pub fn union(name: &str, parts: &[String]) -> String {
    let one_line = format!("export type {name} = {};", parts.join(" | "));
    if one_line.chars().count() <= WIDTH {
        return one_line;
    }
    let parts: String = parts.iter().map(|part| format!("\n  | {part}")).collect();
    format!("export type {name} ={parts};")
}

/// `snake_case` as `camelCase`.
pub fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        name + &head.to_uppercase() + tail
    })
}

/// `CamelCase` as `CAMEL_CASE`.
pub fn constant(name: &str) -> String {
    let mut text = String::new();
    let mut was_small = false;
    for character in name.chars() {
        if was_small && character.is_uppercase() {
            text.push('_');
        }
        was_small = !character.is_uppercase();
        text.extend(character.to_uppercase());
    }
    text
}

/// A key of an interface, in quotation marks if it is no name.
pub fn key(name: &str) -> String {
    let is_name = name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    if is_name { name.to_owned() } else { format!("\"{name}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_take_the_lines_that_they_need() {
        assert_eq!(comment(&["One, `None`.".into()], 2), "  /** One, `null`. */\n");
        assert_eq!(comment(&[], 2), "");
        assert_eq!(
            comment(&["a*/".into(), "- b\n- c".into()], 0),
            "/**\n * a*\\/\n *\n * - b\n * - c\n */\n"
        );
        let long = comment(&["word ".repeat(60).trim().into()], 2);
        assert!(
            long.lines().all(|line| line.len() <= WIDTH) && long.starts_with("  /**\n   * word"),
            "{long}"
        );
    }

    #[test]
    fn names_follow_the_language() {
        assert_eq!(
            [camel("top1_agreement"), camel("dims"), camel("warm_up_runs")],
            ["top1Agreement", "dims", "warmUpRuns"]
        );
        assert_eq!([constant("DType"), constant("SessionOptions")], ["DTYPE", "SESSION_OPTIONS"]);
        assert_eq!([key("p50_ns"), key("p99.9_ns")], ["p50_ns", "\"p99.9_ns\""]);
    }

    #[test]
    fn long_statements_are_broken() {
        assert_eq!(union("X", &["1".into(), "2".into()]), "export type X = 1 | 2;");
        let long = union("X", &vec!["\"word\"".to_owned(); 30]);
        assert!(long.starts_with("export type X =\n  | \"word\"\n") && long.ends_with("\"word\";"), "{long}");
        assert_eq!(
            list("import { ", &["A".into(), "B".into()], " } from \"x\";"),
            "import { A, B } from \"x\";"
        );
        let long = list("import { ", &vec!["Abcdefgh".to_owned(); 30], " } from \"x\";");
        assert!(long.starts_with("import {\n  Abcdefgh,\n") && long.ends_with(",\n} from \"x\";"), "{long}");
    }
}
