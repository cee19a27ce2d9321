//! The tables for people.

use std::fmt::Write;

use super::comparison::{Comparison, Entry, Figure, Metric, overall};

const NAME_WIDTH: usize = 17;
const CELL_WIDTH: usize = 17;
/// A reason longer than this is no help in a table.
const LONGEST_REASON: usize = 100;

/// The table of one situation.
pub fn comparison(comparison: &Comparison) -> String {
    let mut out = head(&comparison.title, &comparison.metrics, "outputs");
    for entry in &comparison.entries {
        out += &format!("  {:<NAME_WIDTH$}", entry.name);
        if let Some(problem) = &entry.problem {
            out += &format!(" does not load: {}\n", shortened(problem));
            continue;
        }
        for &metric in &comparison.metrics {
            let _ = write!(out, "{:>CELL_WIDTH$}", cell(comparison.figure(entry.name, metric)));
        }
        out += &format!("  {}\n", agreement(entry));
    }
    out
}

/// The geometric means of the ratios over several situations that have the same columns.
pub fn overall_ratios(title: &str, comparisons: &[Comparison], last: &str) -> String {
    let Some(first) = comparisons.first() else { return String::new() };
    let mut out = head(title, &first.metrics, last);
    let is_peer = |name| comparisons.iter().any(|comparison| comparison.peer == name);
    for entry in first.entries.iter().filter(|entry| !is_peer(entry.name)) {
        out += &format!("  {:<NAME_WIDTH$}", entry.name);
        let mut measured = 0;
        for &metric in &first.metrics {
            let overall = overall(comparisons, entry.name, metric);
            measured = measured.max(overall.as_ref().map_or(0, |overall| overall.ratios.len()));
            let text = overall.map_or_else(|| "-".into(), |overall| format!("{:.2}x", overall.mean));
            let _ = write!(out, "{text:>CELL_WIDTH$}");
        }
        out += &format!("  {measured} of {}\n", comparisons.len());
    }
    out
}

fn head(title: &str, metrics: &[Metric], last: &str) -> String {
    let mut out = format!("\n{title:<width$}", width = NAME_WIDTH + 2);
    for metric in metrics {
        let _ = write!(out, "{:>CELL_WIDTH$}", metric.title);
    }
    out + &format!("  {last}\n")
}

fn cell(figure: Option<Figure>) -> String {
    let Some(Figure { median, ratio, .. }) = figure else { return "-".into() };
    let decimals = if median < 1.0 { 3 } else { 1 };
    format!("{median:.decimals$} {ratio:>6.2}x")
}

/// Marks what should not be compared.
fn agreement(entry: &Entry) -> String {
    let Some((agreement, exact)) = entry.agreement else { return String::new() };
    let good = agreement.is_good(exact);
    if good { agreement.to_string() } else { format!("{agreement}  <-- not comparable") }
}

fn shortened(reason: &str) -> String {
    let line = reason.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_reasons_fit() {
        let figure = |median, ratio| Some(Figure { median, ratio, quiet_ratio: Some(ratio) });
        assert_eq!(cell(None), "-");
        assert_eq!(cell(figure(12.34, 0.5)), "12.3   0.50x");
        assert_eq!(cell(figure(0.1234, 1.0)), "0.123   1.00x");
        assert_eq!(shortened("one\ntwo"), "one");
        assert_eq!(shortened(&"é".repeat(200)).chars().count(), LONGEST_REASON + 3);
    }
}
