//! The report of a race as one page.

use std::fmt::Write;
use std::path::Path;

use ortlet::{Plan, PlanOutcome};

use crate::output::{duration, significant};
use crate::report::page::{self, escape, figure, short_name, table};
use crate::tune::{about, cells, chart};

/// The page.
pub fn page(model: &Path, plan: &Plan) -> String {
    let mut content = format!("<p class='lead'>{}.</p>\n", escape(&plan.verdict));
    content.push_str(&tiles(plan));
    content.push_str(&figure(
        "The race",
        "The median of each candidate's runs in each round; the lines end where candidates drop out. Numbers are those of \
         the table below. The bands reach from the lower to the upper quartile. In each round all candidates run the \
         same inputs by turns; in the final, the last rounds, the best run against the default with new sessions.",
        |size| chart::race(plan, size),
    ));
    content.push_str(&candidates(plan));
    content.push_str("<div class='tables'>\n");
    content.push_str(&table("What raced", about(model, plan)));
    content.push_str(&table("How it was judged", rules(plan)));
    content.push_str("</div>\n");
    page::page(&format!("Race of {}", short_name(model)), &content)
}

fn tiles(plan: &Plan) -> String {
    let mut tiles = Vec::new();
    if let Some(default) = plan.default_candidate() {
        tiles.push(("default", duration(default.median_ns)));
    }
    if let Some(chosen) = plan.chosen().filter(|_| !plan.changes.is_empty()) {
        tiles.push(("chosen", duration(chosen.median_ns)));
        tiles.extend(chosen.final_ratio.map(|ratio| ("of the default", significant(ratio))));
    }
    tiles.push(("candidates", plan.candidates.len().to_string()));
    let tile = |(name, value): &(&str, String)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n");
    format!("<dl class='tiles'>\n{}</dl>\n", tiles.iter().map(tile).collect::<String>())
}

fn candidates(plan: &Plan) -> String {
    let mut text =
        "<figure>\n<h2>Candidates</h2>\n<table class='race'>\n<tr><th scope='col'></th>".to_owned();
    for head in [
        "candidate",
        "median",
        "quartiles",
        "p99",
        "of the default",
        "rounds",
        "largest difference",
        "verdict",
    ] {
        // Writing to a string cannot fail.
        let _ = write!(text, "<th scope='col'>{head}</th>");
    }
    text.push_str("</tr>\n");
    for (number, candidate) in plan.candidates.iter().enumerate() {
        let difference = candidate
            .max_difference
            .map(|share| if share == 0.0 { "0".into() } else { format!("{share:.1e}") });
        let [name, median, quartiles, p99, ratio, rounds, verdict] = cells(candidate);
        let shown = [name, median, quartiles, p99, ratio, rounds, difference.unwrap_or_default(), verdict];
        let shown: String = shown.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect();
        let class = if candidate.outcome == PlanOutcome::Chosen { " class='chosen'" } else { "" };
        let _ = writeln!(text, "<tr{class}><td>{number}</td>{shown}</tr>");
    }
    text + "</table>\n</figure>\n"
}

fn rules(plan: &Plan) -> Vec<(&'static str, String)> {
    let place = plan.stored_in.as_ref().map(|path| path.display().to_string());
    vec![
        ("faster by at least", format!("{} %", plan.margin * 100.0)),
        ("outputs may differ by", format!("{:.1e} of their largest magnitude", plan.tolerance)),
        ("plan", place.map_or("not kept".into(), |place| format!("kept in {place}"))),
    ]
}
