//! Texts in lines.

/// The lines of a documentation: its paragraphs as `prepared` makes them fit for the language, `first` before the first
/// line, an empty line between two of them.
pub fn lines_of(
    paragraphs: &[String],
    width: usize,
    first: &str,
    prepared: impl Fn(&str) -> String,
) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in paragraphs.iter().filter(|paragraph| !paragraph.trim().is_empty()) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        for line in paragraph.lines() {
            let start = if lines.is_empty() { first } else { "" };
            let hanging = if line.starts_with("- ") { "  " } else { "" };
            lines.extend(wrapped(&format!("{start}{}", prepared(line)), width, hanging));
        }
    }
    lines
}

/// The text in lines, all but the first beginning with `hanging`.
fn wrapped(text: &str, width: usize, hanging: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one from the start");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(format!("{hanging}{word}"));
        }
    }
    lines
}
