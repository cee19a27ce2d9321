//! The report of a choice of precision as one page.

use std::fmt::Write;
use std::path::Path;

use ortlet::PrecisionReport;

use super::{
    ACCURACY_HEADS, BLOCK_HEADS, CANDIDATE_HEADS, LAYER_HEADS, about, accuracy_rows, block_cells,
    candidate_cells, chart, layer_cells,
};
use crate::output::{bytes, significant};
use crate::report::page::{self, escape, figure, short_name, table};

/// The page.
pub fn page(model: &Path, report: &PrecisionReport) -> String {
    let mut content = format!("<p class='lead'>{}.</p>\n", escape(&report.verdict));
    content.push_str(&tiles(report));
    if report.candidates.iter().any(|candidate| candidate.median_ns.is_some()) {
        content.push_str(&figure(
            "Candidates",
            "The median of each candidate's runs, and a line from the lower to the upper quartile. Numbers are those of \
             the table below.",
            |size| chart::candidates(report, size),
        ));
    }
    if !report.candidates.is_empty() {
        let rows =
            report.candidates.iter().map(|candidate| (candidate.is_chosen, candidate_cells(candidate)));
        content.push_str(&rows_as_table("", &CANDIDATE_HEADS, rows));
    }
    if let Some((wide, narrow)) = both(|size| chart::layers(report, size)) {
        let _ = write!(
            content,
            "<figure>\n<h2>Layers</h2>\n{wide}{narrow}<figcaption>What each form of each layer saves when the layer runs alone, \
             and one minus the mean cosine of the model's outputs with only that layer changed. Forms that were chosen \
             are green.</figcaption>\n</figure>\n"
        );
    }
    if !report.layers.is_empty() {
        let rows = report.layers.iter().map(|layer| (layer.form.is_some(), layer_cells(layer)));
        content.push_str(&rows_as_table("Every layer", &LAYER_HEADS, rows));
    }
    if !report.blocks.is_empty() {
        let rows = report.blocks.iter().map(|block| (block.precision.is_some(), block_cells(block)));
        content.push_str(&rows_as_table("Blocks for Ortlet's own kernels", &BLOCK_HEADS, rows));
    }
    content.push_str("<div class='tables'>\n");
    content.push_str(&table("The choice", about(model, report)));
    if let Some(figures) = &report.accuracy {
        let rows = accuracy_rows(figures, &report.budget).into_iter().map(|row| (false, row));
        content.push_str(&rows_as_table("Accuracy", &ACCURACY_HEADS, rows));
    }
    content.push_str("</div>\n");
    page::page(&format!("Precision of {}", short_name(model)), &content)
}

/// A picture in both sizes, if there is anything to draw.
fn both(draw: impl Fn(crate::report::svg::Size) -> Option<String>) -> Option<(String, String)> {
    Some((draw(crate::report::svg::WIDE)?, draw(crate::report::svg::NARROW)?))
}

fn tiles(report: &PrecisionReport) -> String {
    let mut tiles = Vec::new();
    tiles.extend(report.time_ratio.map(|ratio| ("of the original's time", significant(ratio))));
    if let Some(figures) = &report.accuracy {
        tiles.push(("mean cosine", format!("{:.5}", figures.mean_cosine)));
        tiles.push(("least cosine", format!("{:.5}", figures.min_cosine)));
    }
    tiles.push(("parameters", bytes(report.parameter_bytes_after)));
    let tile = |(name, value): &(&str, String)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n");
    format!("<dl class='tiles'>\n{}</dl>\n", tiles.iter().map(tile).collect::<String>())
}

/// A numbered table; rows that are marked stand out.
fn rows_as_table<const N: usize>(
    title: &str,
    heads: &[&str; N],
    rows: impl Iterator<Item = (bool, [String; N])>,
) -> String {
    let heads: String = heads.iter().map(|head| format!("<th scope='col'>{head}</th>")).collect();
    let title = if title.is_empty() { String::new() } else { format!("<h2>{title}</h2>\n") };
    let mut text = format!("<figure>\n{title}<table class='race'>\n<tr><th scope='col'></th>{heads}</tr>\n");
    for (number, (is_marked, cells)) in rows.enumerate() {
        let class = if is_marked { " class='chosen'" } else { "" };
        let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "<tr{class}><td>{number}</td>{cells}</tr>");
    }
    text + "</table>\n</figure>\n"
}
