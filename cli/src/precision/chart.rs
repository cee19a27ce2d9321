//! Pictures of a choice of precision as SVG: the candidates' times, and what each layer gains and damages.

use ortlet::PrecisionReport;
use ortlet::quantize::{LayerTrial, PrecisionCandidate, PrecisionLayer};

use super::mode_name;
use crate::output::duration;
use crate::report::axis::Axis;
use crate::report::page::escape;
use crate::report::svg::{BOTTOM, LEFT, RIGHT, Size, Svg, tick_label};

const TOP: f64 = 14.0;
/// Damages are shares far below one; an axis wants numbers above it.
const PARTS: f64 = 1e9;
/// Less than this cannot be told from rounding.
const LEAST_DAMAGE: f64 = 1e-7;

/// The candidates that were timed: a bar to the median, a line between the quartiles.
pub fn candidates(report: &PrecisionReport, size: Size) -> String {
    let timed: Vec<_> = report.candidates.iter().filter(|candidate| candidate.median_ns.is_some()).collect();
    let upper =
        |candidate: &PrecisionCandidate| candidate.upper_quartile_ns.or(candidate.median_ns).unwrap_or(0.0);
    let high = timed.iter().map(|candidate| upper(candidate)).fold(0.0, f64::max);
    let across = Axis::from_zero(high * 1.05, LEFT, size.width - RIGHT);
    let told = timed
        .iter()
        .map(|candidate| format!("{}: {}", candidate.name, duration(candidate.median_ns.unwrap_or(0.0))));
    let about = format!("Median time of a run. {}", told.collect::<Vec<_>>().join("; "));
    let mut svg = Svg::new("candidates", size, "The candidates", &about);
    svg.horizontal_axis(&across, size, "time of a run");
    let row = (size.height - BOTTOM - TOP) / timed.len().max(1) as f64;
    for (number, candidate) in timed.iter().enumerate() {
        let (y, height) = (TOP + row * number as f64, (row - 8.0).clamp(3.0, 22.0));
        let class = class(candidate, number);
        let width = across.place(candidate.median_ns.unwrap_or(0.0)) - LEFT;
        let name = escape(&candidate.name);
        svg.add(format_args!(
            "<rect class='runner {class}' x='{LEFT}' y='{y:.1}' width='{width:.1}' height='{height:.1}'><title>{name}</title></rect>"
        ));
        if let (Some(low), Some(high)) = (candidate.lower_quartile_ns, candidate.upper_quartile_ns) {
            let (from, to, middle) = (across.place(low), across.place(high), y + height / 2.0);
            svg.add(format_args!(
                "<line class='axis' x1='{from:.1}' x2='{to:.1}' y1='{middle:.1}' y2='{middle:.1}'/>"
            ));
        }
        let (x, y) = (LEFT - 8.0, y + height / 2.0 + 4.0);
        svg.add(format_args!("<text class='tick' x='{x}' y='{y:.1}' text-anchor='end'>{number}</text>"));
    }
    svg.finish()
}

fn class(candidate: &PrecisionCandidate, number: usize) -> &'static str {
    match (candidate.is_chosen, number) {
        (true, _) => "chosen",
        (_, 0) => "default",
        _ => "lost",
    }
}

/// Each form of each layer that was timed alone and whose damage was measured: gain across, damage up.
pub fn layers(report: &PrecisionReport, size: Size) -> Option<String> {
    let tried = |layer: &'_ PrecisionLayer| layer.trials.clone();
    let points: Vec<(&PrecisionLayer, LayerTrial, f64, f64)> = report
        .layers
        .iter()
        .flat_map(|layer| tried(layer).into_iter().map(move |trial| (layer, trial)))
        .filter_map(|(layer, trial)| {
            Some((layer, trial, trial.gain_ns()?.max(0.0), trial.damage?.max(LEAST_DAMAGE)))
        })
        .collect();
    let damages = || points.iter().map(|(_, _, _, damage)| damage * PARTS);
    let (low, high) = (damages().reduce(f64::min)?, damages().reduce(f64::max)?);
    let gain = points.iter().map(|(_, _, gain, _)| *gain).fold(0.0, f64::max);
    let across = Axis::from_zero(gain * 1.05, LEFT, size.width - RIGHT);
    let up = Axis::around(low, high, size.height - BOTTOM, TOP);
    let mut svg =
        Svg::new("layers", size, "Gain and damage of each layer", "A point for each form of each layer.");
    svg.horizontal_grid(&up, 5, |parts| format!("{:.0e}", parts / PARTS), size);
    svg.horizontal_axis(&across, size, "time saved in a run of the layer alone");
    for (layer, trial, gain, damage) in &points {
        let (x, y) = (across.place(*gain), up.place(damage * PARTS));
        let class = if layer.form == Some(trial.form) { "chosen" } else { "lost" };
        let tip = format!(
            "{} as {}: saves {}, damage {damage:.1e}",
            escape(&layer.node),
            mode_name(trial.form),
            tick_label(gain.round())
        );
        svg.add(format_args!(
            "<circle class='dot {class}' cx='{x:.1}' cy='{y:.1}' r='4'><title>{tip}</title></circle>"
        ));
    }
    Some(svg.finish())
}
