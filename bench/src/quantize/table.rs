//! The tables for people.

use std::fmt::Write;

use ortlet_bench::harness::statistics::median;

use crate::contestants::ORIGINAL;
use crate::judged::Accuracy;
use crate::outcome::{Outcome, Row};

pub const LEGEND: &str = "\
1 thread, 2 threads: how many times as fast as fp32 in ONNX Runtime, the median over the rounds, by turns in one
process. mean, min: similarity of outputs to fp32's on held-out samples (cosine, limited by the error's length).
same: see the title. seconds, MB: to make the model, MB at the most without what the process had before it began.
valid: accepted by onnx.checker (OpenVINO's own format excepted), loads and runs.
";

const NAME_WIDTH: usize = 23;
const LONGEST_REASON: usize = 110;

/// The table of one task.
pub fn of(outcome: &Outcome) -> String {
    let mut out = format!("\n{} ({})\n", outcome.task.name, outcome.task.about);
    let heads = ["valid", "1 thread", "2 threads", "mean", "min", "same", "seconds", "MB", "size MB"];
    out += &line("", &heads.map(str::to_owned));
    let time = |threads: u32| {
        let seconds = outcome.original.as_ref().and_then(|judged| median(judged.seconds.get(&threads)?));
        seconds.map_or_else(|| "-".into(), |seconds| format!("{:.3} ms", seconds * 1e3))
    };
    let none = || "-".to_owned();
    let size = megabytes(outcome.original_bytes);
    let cells = ["yes".into(), time(1), time(2), none(), none(), none(), none(), none(), size];
    out += &line(ORIGINAL, &cells);
    for row in &outcome.rows {
        out += &row_text(outcome, row);
    }
    out
}

fn row_text(outcome: &Outcome, row: &Row) -> String {
    let (Ok(made), None, Some(judged)) = (&row.made, row.problem(), &row.judged) else {
        let reason = row.problem().unwrap_or_default();
        return format!("  {:<NAME_WIDTH$} {}\n", row.contestant.name, shortened(&reason));
    };
    let speed =
        |threads| outcome.speed(row, threads).map_or_else(|| "-".into(), |speed| format!("{speed:.2}x"));
    let figure = |of: fn(&Accuracy) -> f64| {
        judged.accuracy.as_ref().map_or_else(|| "-".into(), |accuracy| format!("{:.5}", of(accuracy)))
    };
    let peak = made.peak_kib.zip(made.idle_kib);
    line(
        row.contestant.name,
        &[
            "yes".into(),
            speed(1),
            speed(2),
            figure(|accuracy| accuracy.mean_cosine),
            figure(|accuracy| accuracy.min_cosine),
            judged.accuracy.as_ref().map_or_else(|| "-".into(), same),
            format!("{:.2}", made.seconds),
            peak.map_or_else(|| "-".into(), |(peak, idle)| megabytes(1024 * peak.saturating_sub(idle))),
            megabytes(row.bytes),
        ],
    )
}

fn same(accuracy: &Accuracy) -> String {
    match (accuracy.task_percent, accuracy.task_mean, accuracy.task_min) {
        (Some(percent), ..) => format!("{percent:.1}"),
        (None, Some(mean), Some(min)) => format!("{mean:.5}/{min:.5}"),
        _ => "-".into(),
    }
}

fn line(name: &str, cells: &[String; 9]) -> String {
    let mut out = format!("  {name:<NAME_WIDTH$}");
    for (cell, width) in cells.iter().zip([6, 10, 10, 9, 9, 16, 8, 8, 8]) {
        let _ = write!(out, " {cell:>width$}");
    }
    out + "\n"
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

fn shortened(reason: &str) -> String {
    let line = reason.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    }
}
