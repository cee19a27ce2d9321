//! The page with the charts: no script, nothing loaded from elsewhere, light and dark, for screens of any width.

mod axis;
mod models;
mod products;
mod roofline;

use ortlet_bench::harness::goal::Verdict;
use ortlet_bench::harness::machine::Machine;

use crate::models::Models;
use crate::products::Products;

const STYLE: &str = include_str!("style.css");
const TITLE: &str = "Ortlet's own kernels";

/// The page of what was measured.
pub fn of(
    machine: &Machine,
    verdicts: &[Verdict],
    products: Option<&Products>,
    models: Option<&Models>,
) -> String {
    let machine = escape(&machine.to_string()).replace('\n', "<br>");
    let mut content = format!("<h1>{TITLE}</h1>\n<p class='lead'>{machine}</p>\n{}", targets(verdicts));
    content += &products.map(products::of).unwrap_or_default();
    content += &models.map(models::of).unwrap_or_default();
    format!(
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n\
         <meta name='viewport' content='width=device-width, initial-scale=1'>\n\
         <meta name='color-scheme' content='light dark'>\n\
         <meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{TITLE}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{content}\
         <footer>Made by <code>cargo xtask bench kernels</code>, Ortlet {}.</footer>\n</main>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn targets(verdicts: &[Verdict]) -> String {
    let row = |verdict: &Verdict| {
        let (class, word) = match verdict.met {
            Some(true) => ("met", "met"),
            Some(false) => ("missed", "missed"),
            None => ("open", "not measured"),
        };
        let (target, said) = (escape(&verdict.target), escape(&verdict.said));
        format!("<tr><td class='{class}'>{word}</td><td>{target}<div class='said'>{said}</div></td></tr>\n")
    };
    let rows: String = verdicts.iter().map(row).collect();
    format!("<section>\n<h2>Targets</h2>\n<table class='targets'>\n{rows}</table>\n</section>\n")
}

/// Text that may stand anywhere in the page, attributes included.
fn escape(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_loads_nothing_and_nothing_breaks_out_of_it() {
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
        let said = "<script>'&\"".to_owned();
        let verdicts = [Verdict { target: "t".into(), met: Some(false), said }];
        let page = of(&Machine::now(), &verdicts, None, None);
        assert!(page.contains("<div class='said'>&lt;script&gt;&#39;&amp;&quot;</div>"), "{page}");
        assert!(!page.contains("<script"));
    }
}
