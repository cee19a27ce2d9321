//! The frame of every report: one page, no script, nothing loaded from elsewhere, light and dark, for screens of any
//! width.

use std::path::{Path, PathBuf};

use crate::report::svg::{NARROW, Size, WIDE};

const STYLE: &str = include_str!("report.css");

/// A page with this title, which is escaped, and this content.
pub fn page(title: &str, content: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n\
         <meta name='viewport' content='width=device-width, initial-scale=1'>\n\
         <meta name='color-scheme' content='light dark'>\n\
         <meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         {content}<footer>Made by Ortlet {}.</footer>\n</main>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// The file's name, with its folder's: half of all models are called `model.onnx`.
pub fn short_name(path: &Path) -> String {
    let parts: Vec<_> = path.iter().collect();
    let last = &parts[parts.len().saturating_sub(2)..];
    last.iter().collect::<PathBuf>().display().to_string()
}

/// Text that may stand anywhere in the page, attributes included.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A picture in both sizes, with a caption.
pub fn figure(title: &str, caption: &str, draw: impl Fn(Size) -> String) -> String {
    format!(
        "<figure>\n<h2>{title}</h2>\n{}{}<figcaption>{caption}</figcaption>\n</figure>\n",
        draw(WIDE),
        draw(NARROW)
    )
}

/// A table of names and values.
pub fn table(title: &str, rows: Vec<(&'static str, String)>) -> String {
    let row = |(name, value): (&str, String)| {
        format!("<tr><th scope='row'>{name}</th><td>{}</td></tr>\n", escape(&value).replace('\n', "<br>"))
    };
    let rows: String = rows.into_iter().map(row).collect();
    format!("<section>\n<h2>{title}</h2>\n<table>\n{rows}</table>\n</section>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_the_page() {
        assert_eq!(escape("<a href='x'>&\"</a>"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;");
    }

    #[test]
    fn the_page_loads_nothing() {
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
