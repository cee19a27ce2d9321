//! The tables for people.

use std::fmt::{self, Write};

use crate::contestants::{ALL, EXACT, PEER};
use crate::figures::{Figure, Metric, figure, overall};
use crate::measure::{Heat, Lane};

const NAME_WIDTH: usize = 17;
const CELL_WIDTH: usize = 17;
/// A reason longer than this is no help in a table.
const LONGEST_REASON: usize = 100;

pub const LEGEND: &str = "\
Times in ms, memory in MiB, medians; x: the median over the rounds of the ratio to plain ORT in the same round.
private: anonymous memory after the first output; 4 processes: their proportional set sizes in all. OpenVINO's are
without what the Python interpreter has by itself. Loading the libraries is not timed.";

/// The table of one model.
pub fn heat(out: &mut String, heat: &Heat) -> fmt::Result {
    head(out, heat.model.name, "outputs")?;
    for lane in &heat.lanes {
        write!(out, "  {:<NAME_WIDTH$}", lane.contestant.name)?;
        if let Some(problem) = &lane.problem {
            writeln!(out, " does not load: {}", shortened(problem))?;
            continue;
        }
        for metric in Metric::ALL {
            write!(out, "{:>CELL_WIDTH$}", cell(figure(heat, lane.contestant.name, metric)))?;
        }
        writeln!(out, "  {}", agreement(lane))?;
    }
    Ok(())
}

/// The ratios over all models.
pub fn overall_ratios(out: &mut String, heats: &[Heat]) -> fmt::Result {
    head(out, "geometric mean", "models")?;
    for contestant in ALL.iter().filter(|contestant| contestant.name != PEER) {
        write!(out, "  {:<NAME_WIDTH$}", contestant.name)?;
        let mut models = 0;
        for metric in Metric::ALL {
            let overall = overall(heats, contestant.name, metric);
            models = models.max(overall.as_ref().map_or(0, |overall| overall.ratios.len()));
            let text = overall.map_or_else(|| "-".into(), |overall| format!("{:.2}x", overall.mean));
            write!(out, "{text:>CELL_WIDTH$}")?;
        }
        writeln!(out, "  {models} of {}", heats.len())?;
    }
    Ok(())
}

fn head(out: &mut String, title: &str, last: &str) -> fmt::Result {
    write!(out, "\n{title:<width$}", width = NAME_WIDTH + 2)?;
    for metric in Metric::ALL {
        write!(out, "{:>CELL_WIDTH$}", metric.title())?;
    }
    writeln!(out, "  {last}")
}

fn cell(figure: Option<Figure>) -> String {
    let Some(Figure { median, ratio, .. }) = figure else { return "-".into() };
    let decimals = if median < 1.0 { 3 } else { 1 };
    format!("{median:.decimals$} {ratio:>6.2}x")
}

/// Marks what should not be compared.
fn agreement(lane: &Lane) -> String {
    let Some(agreement) = lane.agreement else { return String::new() };
    let good = agreement.is_good(EXACT.contains(&lane.contestant.name));
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
        assert_eq!(cell(None), "-");
        assert_eq!(cell(Some(Figure { median: 12.34, ratio: 0.5, quiet_ratio: 0.5 })), "12.3   0.50x");
        assert_eq!(cell(Some(Figure { median: 0.1234, ratio: 1.0, quiet_ratio: 1.0 })), "0.123   1.00x");
        assert_eq!(shortened("one\ntwo"), "one");
        assert_eq!(shortened(&"é".repeat(200)).chars().count(), LONGEST_REASON + 3);
    }
}
