//! The report as one page: no script, nothing loaded from elsewhere, light and dark, for screens of any width.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use ortlet::metrics::LatencySummary;

use crate::bench::chart::{self, NARROW, Size, WIDE};
use crate::bench::{Report, operators_html};
use crate::output::{bytes, duration, per_second, runs};

/// The page.
pub fn page(report: &Report) -> String {
    let title = format!("Latency of {}", escape(&short_name(&report.model.path)));
    let mut page = format!(
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n\
         <meta name='viewport' content='width=device-width, initial-scale=1'>\n\
         <meta name='color-scheme' content='light dark'>\n\
         <meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    );
    page.push_str(&lead(report));
    page.push_str(&tiles(report));
    page.push_str(&figure(
        "How often each latency occurred",
        "Every measured run is in here. The dashed lines mark percentiles: p99 is the latency that 99 % of the runs \
         did not exceed.",
        |size| chart::histogram(&report.histogram, &report.latency, size),
    ));
    page.push_str(&figure(
        "Latency over time",
        "The band reaches from the shortest to the longest run of each moment, the line is their mean.",
        |size| chart::timeline(&report.timeline, &report.latency, report.elapsed_ns, size),
    ));
    page.push_str(&report.operator_profile.as_ref().map(operators_html::figures).unwrap_or_default());
    page.push_str("<div class='tables'>\n");
    page.push_str(&table("Results", report.results()));
    page.push_str(&table("Model and machine", setup(report)));
    page.push_str("</div>\n");
    let _ = writeln!(
        page,
        "<footer>Made by Ortlet {}.</footer>\n</main>\n</body>\n</html>",
        report.ortlet_version
    );
    page
}

/// The file's name, with its folder's: half of all models are called `model.onnx`.
fn short_name(path: &Path) -> String {
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

fn lead(report: &Report) -> String {
    format!(
        "<p class='lead'>{} in {} after {} to warm up · ONNX Runtime {} · {}</p>\n",
        runs(report.run_count),
        duration(report.elapsed_ns as f64),
        runs(report.warmup_run_count),
        escape(&report.environment.runtime_version),
        escape(&report.environment.processor),
    )
}

fn tiles(report: &Report) -> String {
    let LatencySummary { p50_ns, p99_ns, .. } = report.latency;
    let mut tiles = vec![
        ("p50", duration(p50_ns as f64)),
        ("p99", duration(p99_ns as f64)),
        ("throughput", format!("{} /s", per_second(report.runs_per_second))),
        ("first run", duration(report.first_run_ns as f64)),
        (report.creation(), duration(report.creation_ns as f64)),
    ];
    tiles.extend(report.cpu_ns_per_run.map(|time| ("CPU time per run", duration(time))));
    tiles.extend(report.memory.private_bytes.map(|size| ("private memory", bytes(size))));
    tiles.extend(report.memory.peak_bytes.map(|size| ("peak memory", bytes(size))));
    let tile = |(name, value): &(&str, String)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n");
    format!("<dl class='tiles'>\n{}</dl>\n", tiles.iter().map(tile).collect::<String>())
}

fn figure(title: &str, caption: &str, draw: impl Fn(Size) -> String) -> String {
    format!(
        "<figure>\n<h2>{title}</h2>\n{}{}<figcaption>{caption}</figcaption>\n</figure>\n",
        draw(WIDE),
        draw(NARROW)
    )
}

fn table(title: &str, rows: Vec<(&'static str, String)>) -> String {
    let row = |(name, value): (&str, String)| {
        format!("<tr><th scope='row'>{name}</th><td>{}</td></tr>\n", escape(&value).replace('\n', "<br>"))
    };
    let rows: String = rows.into_iter().map(row).collect();
    format!("<section>\n<h2>{title}</h2>\n<table>\n{rows}</table>\n</section>\n")
}

fn setup(report: &Report) -> Vec<(&'static str, String)> {
    let environment = &report.environment;
    let mut rows = report.facts();
    let outputs: Vec<String> = report.model.outputs.iter().map(ToString::to_string).collect();
    rows.insert(2, ("outputs", outputs.join("\n")));
    rows.push(("options", options(report)));
    rows.push(("processor", format!("{} ({})", environment.processor, environment.architecture)));
    rows.push(("usable cores", environment.usable_physical_core_count.to_string()));
    rows.push(("system", environment.operating_system.to_string()));
    rows
}

/// The options that are not as they are by default.
fn options(report: &Report) -> String {
    let as_json = |options: &ortlet::SessionOptions| serde_json::to_value(options).unwrap_or_default();
    let (given, default) = (as_json(&report.options), as_json(&ortlet::SessionOptions::default()));
    let fields = given.as_object().into_iter().flatten();
    // Threads and cache have rows of their own.
    let told = ["threads", "cache"];
    let changed =
        fields.filter(|(name, value)| default.get(name) != Some(value) && !told.contains(&name.as_str()));
    let lines: Vec<String> = changed.map(|(name, value)| format!("{name}: {value}")).collect();
    if lines.is_empty() { "default".into() } else { lines.join("\n") }
}

const STYLE: &str = include_str!("report.css");

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
